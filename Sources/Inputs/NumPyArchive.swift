// NumPy's archives (.npz): a zip file with one NAME.npy per array, stored or deflated, read through libzip.

import CZip

/// Reads arrays out of a .npz file. Every call opens the archive anew, so a value holds no resources.
public struct NumPyArchive: Sendable {
  public let path: String
  /// The names of the arrays, without ".npy", sorted.
  public let names: [String]

  /// Opens the archive and lists it; a damaged or foreign file is an error.
  public init(path: String) throws(InputError) {
    self.path = path
    let archive = try Self.open(path)
    defer { zip_discard(archive) }
    var names: [String] = []
    for index in 0..<max(0, zip_get_num_entries(archive, 0)) {
      guard let text = zip_get_name(archive, zip_uint64_t(index), zip_flags_t(ZIP_FL_ENC_GUESS)) else { continue }
      let name = String(cString: text)
      if name.hasSuffix(".npy") { names.append(String(name.dropLast(4))) }
    }
    self.names = names.sorted()
  }

  /// The array called `name`; its checksum is verified. A missing name is an error that lists the names there are.
  public func array(_ name: String) throws(InputError) -> NumPyArray {
    guard names.contains(name) else {
      throw .malformed(
        path: path, reason: "it holds no array \"\(name)\", only \(names.map { "\"\($0)\"" }.joined(separator: ", "))")
    }
    let archive = try Self.open(path)
    defer { zip_discard(archive) }
    let bytes = try member("\(name).npy", of: archive)
    return try NumPyArray(npy: bytes, name: "\(path), array \"\(name)\"")
  }

  private static func open(_ path: String) throws(InputError) -> OpaquePointer {
    // Opening first tells a missing file in the system's words.
    _ = try ByteSource(path: path)
    var code: Int32 = 0
    guard let archive = zip_open(path, Int32(ZIP_RDONLY), &code) else {
      var error = zip_error_t()
      zip_error_init_with_code(&error, code)
      defer { zip_error_fini(&error) }
      throw .malformed(path: path, reason: "it is not a .npz archive (\(String(cString: zip_error_strerror(&error))))")
    }
    return archive
  }

  private func member(_ name: String, of archive: OpaquePointer) throws(InputError) -> [UInt8] {
    var status = zip_stat_t()
    zip_stat_init(&status)
    guard zip_stat(archive, name, 0, &status) == 0, status.valid & zip_uint64_t(ZIP_STAT_SIZE) != 0,
      status.valid & zip_uint64_t(ZIP_STAT_COMP_SIZE) != 0
    else { throw .malformed(path: path, reason: "the entry \(name) is damaged") }
    // Deflate never expands beyond 1,032 times; more belongs to a damaged directory. Division avoids overflow.
    guard status.size / 1040 <= status.comp_size &+ 1024, status.size < 1 << 40, let size = Int(exactly: status.size)
    else {
      throw .malformed(path: path, reason: "the entry \(name) announces \(status.size) bytes, more than it can hold")
    }
    guard let file = zip_fopen(archive, name, 0) else {
      throw .malformed(
        path: path, reason: "the entry \(name) cannot be opened (\(String(cString: zip_strerror(archive))))")
    }
    defer { zip_fclose(file) }
    var failure: String?
    var result: [UInt8] = []
    let chunkSize = 1 << 20
    var chunk = [UInt8](repeating: 0, count: min(chunkSize, size + 1))
    result.reserveCapacity(min(size, 1 << 30))
    while failure == nil {
      let count = zip_fread(file, &chunk, zip_uint64_t(chunk.count))
      if count < 0 { failure = String(cString: zip_file_strerror(file)) }
      if count <= 0 { break }
      result.append(contentsOf: chunk[..<Int(count)])
      if result.count > size { failure = "it is longer than announced" }
    }
    if failure == nil, result.count != size { failure = "it is shorter than announced" }
    if let failure { throw .malformed(path: path, reason: "the entry \(name) is damaged (\(failure))") }
    return result
  }
}
