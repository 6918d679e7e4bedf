// Reading files through the operating system's calls, with its reason in the error.

import Glibc

/// Whole files, sizes and folders.
package enum FileBytes {
  /// The operating system's words for the last error, for example "No such file or directory".
  static func lastErrorText() -> String {
    String(cString: strerror(errno))
  }

  /// All bytes of the file at `path`. A folder, a missing or an unreadable file is an error with the system's reason.
  package static func read(_ path: String) throws(InputError) -> [UInt8] {
    let source = try ByteSource(path: path)
    return try source.read(at: 0, count: source.count)
  }

  /// The size in bytes of a regular file; nil if there is none.
  static func regularFileSize(_ path: String) -> Int? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int(status.st_size)
  }

  static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The names in a folder except hidden ones, sorted by their UTF-8 bytes (Python's `sorted`).
  static func namesInFolder(_ path: String) throws(InputError) -> [String] {
    guard let folder = opendir(path) else { throw .unreadable(path: path, reason: lastErrorText()) }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: entry.pointee.d_name)) {
          String(cString: $0)
        }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The part of a path after its last slash.
  package static func lastComponent(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }
}

/// Bytes that can be read in pieces: an open file, or an array in memory.
///
/// Reads give their own offset (pread), so one source may serve several threads. A file that shrinks while it is
/// open gives an error, never a crash, which is why files are not mapped into memory.
package final class ByteSource: Sendable {
  package let path: String
  package let count: Int
  private let descriptor: Int32
  private let memory: [UInt8]

  package init(path: String) throws(InputError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unreadable(path: path, reason: FileBytes.lastErrorText()) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw .unreadable(path: path, reason: "it is not a regular file")
    }
    self.path = path
    self.count = Int(status.st_size)
    self.descriptor = descriptor
    self.memory = []
  }

  package init(_ bytes: [UInt8], path: String) {
    self.path = path
    self.count = bytes.count
    self.descriptor = -1
    self.memory = bytes
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Exactly `count` bytes from `offset`; fewer available is an error.
  package func read(at offset: Int, count: Int) throws(InputError) -> [UInt8] {
    guard offset >= 0, count >= 0, offset <= self.count, count <= self.count - offset else {
      throw .malformed(path: path, reason: "it ends after \(self.count) bytes, before the data it announces")
    }
    if descriptor < 0 { return Array(memory[offset..<offset + count]) }
    var failure: String?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      var done = 0
      while done < count {
        let got = pread(descriptor, buffer.baseAddress! + done, count - done, off_t(offset + done))
        if got < 0 && errno == EINTR { continue }
        if got <= 0 {
          failure = got < 0 ? FileBytes.lastErrorText() : "it became shorter while it was being read"
          break
        }
        done += got
      }
      initialized = done
    }
    if let failure { throw .unreadable(path: path, reason: failure) }
    return bytes
  }
}
