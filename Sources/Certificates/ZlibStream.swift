import CZlib

// zlib streams (RFC 1950) in pieces, so that neither side ever holds all uncompressed bytes at once. zlib's state points
// back at its z_stream, which therefore lives at an address of its own.

/// Compresses the bytes that are appended.
final class DeflateStream {
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private var pending: [UInt8] = []
  private var output: [UInt8]
  private static let pieceSize = 1 << 16

  /// Compressed bytes go behind `prefix`.
  init(prefix: [UInt8]) {
    output = prefix
    stream.initialize(to: z_stream())
    let status = deflateInit_(stream, 6, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    precondition(status == Z_OK, "zlib could not be started")
    pending.reserveCapacity(Self.pieceSize + 16)
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  func append(_ byte: UInt8) {
    pending.append(byte)
    if pending.count >= Self.pieceSize { flush(Z_NO_FLUSH) }
  }

  /// The prefix and the whole compressed stream. Nothing may be appended afterwards.
  func finish() -> [UInt8] {
    flush(Z_FINISH)
    return output
  }

  private func flush(_ mode: Int32) {
    var piece = [UInt8](repeating: 0, count: Self.pieceSize)
    pending.withUnsafeMutableBufferPointer { input in
      stream.pointee.next_in = input.baseAddress
      stream.pointee.avail_in = UInt32(input.count)
      while true {
        let status = piece.withUnsafeMutableBufferPointer { buffer in
          stream.pointee.next_out = buffer.baseAddress
          stream.pointee.avail_out = UInt32(buffer.count)
          return deflate(stream, mode)
        }
        output.append(contentsOf: piece[..<(piece.count - Int(stream.pointee.avail_out))])
        // Z_BUF_ERROR says only that nothing was left to do.
        let isDone = mode == Z_FINISH ? status == Z_STREAM_END : stream.pointee.avail_out != 0
        if isDone || (status != Z_OK && status != Z_BUF_ERROR) { return }
      }
    }
    pending.removeAll(keepingCapacity: true)
  }
}

/// Decompresses a zlib stream byte by byte, holding 64 KiB of it at a time.
final class InflateStream {
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private let input: ArraySlice<UInt8>
  private var consumed = 0
  private var piece: [UInt8] = []
  private var position = 0
  private var isEnded = false

  init(_ input: ArraySlice<UInt8>) {
    self.input = input
    stream.initialize(to: z_stream())
    let status = inflateInit_(stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    precondition(status == Z_OK, "zlib could not be started")
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// The next byte; the end of the data is an error here.
  func next() throws(FileError) -> UInt8 {
    if position == piece.count {
      try refill()
      if position == piece.count { throw FileError("its compressed data end too early") }
    }
    position += 1
    return piece[position - 1]
  }

  /// Makes sure that nothing follows, neither in the stream nor behind it.
  func finish() throws(FileError) {
    if position == piece.count && !isEnded { try refill() }
    guard position == piece.count, isEnded else { throw FileError("data follow its last tree") }
    guard consumed == input.count else { throw FileError("data follow its compressed data") }
  }

  private func refill() throws(FileError) {
    piece.removeAll(keepingCapacity: true)
    position = 0
    if isEnded { return }
    let size = 1 << 16
    var status = Z_OK
    let available = min(input.count - consumed, 1 << 30)
    piece = [UInt8](unsafeUninitializedCapacity: size) { buffer, produced in
      input.withUnsafeBufferPointer { bytes in
        // zlib never writes to its input.
        stream.pointee.next_in = bytes.baseAddress.map { UnsafeMutablePointer(mutating: $0 + consumed) }
        stream.pointee.avail_in = UInt32(available)
        stream.pointee.next_out = buffer.baseAddress
        stream.pointee.avail_out = UInt32(size)
        status = inflate(stream, Z_NO_FLUSH)
        consumed += available - Int(stream.pointee.avail_in)
        produced = size - Int(stream.pointee.avail_out)
      }
    }
    switch status {
    case Z_STREAM_END: isEnded = true
    case Z_OK: break
    case Z_BUF_ERROR: if piece.isEmpty { throw FileError("its compressed data end too early") }
    default: throw FileError("its compressed data are damaged (zlib status \(status))")
    }
  }
}
