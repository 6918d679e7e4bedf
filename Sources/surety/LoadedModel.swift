import Glibc
import Graphs
import Hashing
import ONNXImport

/// A model file: its graph and the hash that certificates name it by.
struct LoadedModel: Sendable {
  /// The absolute path.
  let path: String
  /// The file's name.
  let name: String
  let graph: Graph
  /// SHA-256 of the file's bytes after decompression, followed, where weights may stand in other files, by the bytes
  /// of all weights.
  let sha256: String

  init(_ path: String) throws {
    let absolute = absolutePath(path)
    self.path = absolute
    name = String(path.split(separator: "/").last ?? "")
    let bytes = try ONNXImporter.bytes(path)
    graph = try ONNXImporter.load(
      bytes, name: path, folder: absolute.lastIndex(of: "/").map { String(absolute[..<$0]) })
    let hash = SHA256()
    hash.update(bytes)
    // Every reference to external data has an entry under the key "location".
    if Self.contains(bytes, Array("location".utf8)) {
      for (_, tensor) in graph.constants.sorted(by: { $0.key < $1.key }) { tensor.withBytes { hash.update($0) } }
    }
    sha256 = hexadecimal(hash.finish())
  }
}

extension LoadedModel {
  /// Whether `pattern` occurs in `bytes`.
  private static func contains(_ bytes: [UInt8], _ pattern: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { bytes in
      var start = 0
      while start + pattern.count <= bytes.count,
        let found = memchr(bytes.baseAddress! + start, Int32(pattern[0]), bytes.count - pattern.count + 1 - start)
      {
        if memcmp(found, pattern, pattern.count) == 0 { return true }
        start = UnsafeRawPointer(found) - bytes.baseAddress! + 1
      }
      return false
    }
  }
}

/// A path that stays true when the working folder changes.
func absolutePath(_ path: String) -> String {
  if let resolved = realpath(path, nil) {
    defer { free(resolved) }
    return String(cString: resolved)
  }
  if path.hasPrefix("/") { return path }
  guard let folder = getcwd(nil, 0) else { return path }
  defer { free(folder) }
  return String(cString: folder) + "/" + path
}
