// Gzip (RFC 1952) through zlib: .onnx.gz, .vnnlib.gz and MNIST's .gz files.

import CZlib

/// Reads gzip data.
package enum Gzip {
  /// The largest result that is accepted: 16 GiB.
  package static let defaultLimit = 1 << 34

  /// True if the bytes start as a gzip member with deflated data.
  package static func isGzip(_ bytes: [UInt8]) -> Bool {
    bytes.starts(with: [0x1F, 0x8B, 0x08])
  }

  /// The uncompressed content of a .gz file; see `inflate(_:name:limit:)`.
  package static func inflate(contentsOf path: String, limit: Int = defaultLimit) throws(InputError) -> [UInt8] {
    try inflate(FileBytes.read(path), name: path, limit: limit)
  }

  /// The uncompressed content of all gzip members in `bytes`, one after another, with every checksum verified.
  ///
  /// Truncated or damaged data, data after the last member other than zero bytes, and a result above `limit` are
  /// errors that carry `name`.
  package static func inflate(
    _ bytes: [UInt8], name: String, limit: Int = defaultLimit
  ) throws(InputError) -> [UInt8] {
    guard isGzip(bytes) else { throw .malformed(path: name, reason: "it does not start as gzip data") }
    var stream = z_stream()
    // 15 bits of window, plus 16: gzip format only.
    let opened = inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard opened == Z_OK else { throw .malformed(path: name, reason: "zlib could not be started") }
    defer { inflateEnd(&stream) }

    var result: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    var position = 0
    var failure: String?
    bytes.withUnsafeBufferPointer { input in
      chunk.withUnsafeMutableBufferPointer { output in
        while failure == nil {
          let available = min(input.count - position, 1 << 30)
          stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress! + position)
          stream.avail_in = UInt32(available)
          stream.next_out = output.baseAddress
          stream.avail_out = UInt32(output.count)
          let status = CZlib.inflate(&stream, Z_NO_FLUSH)
          let consumed = available - Int(stream.avail_in)
          let produced = output.count - Int(stream.avail_out)
          position += consumed
          result.append(contentsOf: output[..<produced])
          if result.count > limit { failure = "its content is larger than \(limit) bytes" }
          if status == Z_STREAM_END {
            let rest = input[position...]
            if rest.allSatisfy({ $0 == 0 }) { return }
            if !rest.starts(with: [0x1F, 0x8B]) { failure = "other data follows the gzip data" }
            inflateReset(&stream)
          } else if status != Z_OK || (consumed == 0 && produced == 0) {
            let isShort = status == Z_BUF_ERROR || status == Z_OK
            failure = isShort ? "the gzip data ends too early" : "the gzip data is damaged (zlib status \(status))"
          }
        }
      }
    }
    if let failure { throw .malformed(path: name, reason: failure) }
    return result
  }
}
