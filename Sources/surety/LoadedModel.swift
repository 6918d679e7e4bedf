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
    if bytes.withUnsafeBytes({ memmem($0.baseAddress!, $0.count, "location", 8) }) != nil {
      for (_, tensor) in graph.constants.sorted(by: { $0.key < $1.key }) { tensor.withBytes { hash.update($0) } }
    }
    sha256 = hexadecimal(hash.finish())
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
