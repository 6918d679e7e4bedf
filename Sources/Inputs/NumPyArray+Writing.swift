// Writing .npy, so that a reader finds either the whole file or none.

import Glibc

extension NumPyArray {
  /// The bytes of a .npy file: version 1.0 (2.0 for headers beyond 65,535 bytes), C order, data at a multiple of 64.
  public var npyBytes: [UInt8] {
    let extents = shape.count == 1 ? "\(shape[0])," : shape.map(String.init).joined(separator: ", ")
    let order = elementType.byteCount == 1 ? "|" : "<"
    let text = "{'descr': '\(order)\(elementType.rawValue)', 'fortran_order': False, 'shape': (\(extents)), }"
    var header = Array(text.utf8)
    let isLong = header.count + 64 > 0xFFFF
    let prefixCount = isLong ? 12 : 10
    let padding = 63 - (prefixCount + header.count) % 64
    header += [UInt8](repeating: 0x20, count: padding) + [0x0A]
    var result: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, isLong ? 2 : 1, 0]
    for byte in 0..<(prefixCount - 8) { result.append(UInt8(truncatingIfNeeded: header.count >> (8 * byte))) }
    return result + header + data
  }

  /// Writes a .npy file: to a temporary file in the same folder, synced, then renamed over `path`.
  /// After an error or an interruption `path` is what it was before.
  public func write(to path: String) throws(InputError) {
    let temporary = "\(path).\(getpid()).part"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw .unreadable(path: temporary, reason: "it could not be created (\(FileBytes.lastErrorText()))")
    }
    var failure = Self.writeAll(npyBytes, to: descriptor)
    if failure == nil, fsync(descriptor) != 0 { failure = FileBytes.lastErrorText() }
    if close(descriptor) != 0, failure == nil { failure = FileBytes.lastErrorText() }
    if failure == nil, rename(temporary, path) != 0 { failure = FileBytes.lastErrorText() }
    if let failure {
      unlink(temporary)
      throw .unreadable(path: path, reason: "it could not be written (\(failure))")
    }
  }

  /// nil, or the reason why not everything was written.
  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> String? {
    bytes.withUnsafeBytes { buffer in
      var done = 0
      while done < buffer.count {
        let count = Glibc.write(descriptor, buffer.baseAddress! + done, buffer.count - done)
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { return FileBytes.lastErrorText() }
        done += count
      }
      return nil
    }
  }
}
