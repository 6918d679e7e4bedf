// PNG files of every colour type and bit depth, interlaced or not, through libspng.
//
// libspng unfilters and deinterlaces; samples are widened here, so that the result is Pillow's:
// 1, 2 and 4 bits grey: v * 255 / (2^bits - 1), exact; palette: its colours; 16 bits: the high byte; alpha and
// transparent colours are dropped, not composited (Pillow's `convert("RGB")`); gamma is not applied.

import CSPNG

enum PNGDecoder {
  /// The pixels of a PNG file: one channel for the greyscale colour types, three for colour and palette.
  /// Damage in a critical chunk (also a wrong checksum) is an error; damaged ancillary chunks are ignored.
  static func decode(_ bytes: [UInt8], name: String) throws(InputError) -> Image8 {
    guard let context = spng_ctx_new(0) else {
      throw .undecodable(name: name, reason: "libspng could not be started")
    }
    defer { spng_ctx_free(context) }
    // Nothing escapes: the context reads from the buffer only inside this closure.
    let outcome: Result<Image8, InputError> = bytes.withUnsafeBytes { buffer in
      do throws(InputError) {
        try check(spng_set_png_buffer(context, buffer.baseAddress, buffer.count), name)
        return .success(try decode(context, fileSize: buffer.count, name: name))
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }

  private static func decode(
    _ context: OpaquePointer, fileSize: Int, name: String
  ) throws(InputError) -> Image8 {
    try check(spng_set_crc_action(context, Int32(SPNG_CRC_ERROR.rawValue), Int32(SPNG_CRC_DISCARD.rawValue)), name)
    try check(spng_set_chunk_limits(context, 1 << 26, 1 << 27), name)
    var header = spng_ihdr()
    try check(spng_get_ihdr(context, &header), name)
    let width = Int(header.width)
    let height = Int(header.height)
    try ImageDecoder.checkSize(width: width, height: height, name: name)

    // libspng 0.7.3 garbles interlaced samples of fewer than 8 bits in its raw formats; there it widens them itself,
    // with the same result for grey, and looks up palettes. (Tests compare every such case with Pillow.)
    let isIndexed = header.color_type == 3
    let isWidened = header.interlace_method != 0 && header.bit_depth < 8
    let format = Int32((isWidened ? (isIndexed ? SPNG_FMT_RGB8 : SPNG_FMT_G8) : SPNG_FMT_PNG).rawValue)
    var size = 0
    try check(spng_decoded_image_size(context, format, &size), name)
    // Deflate never expands beyond 1,032 times; a header that promises more belongs to a damaged file.
    guard size / 1040 <= fileSize + 1024 else {
      throw .undecodable(
        name: name, reason: "the header announces \(width) x \(height) pixels, more than the file can hold")
    }
    var status: Int32 = 0
    let raw = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
      status = spng_decode_image(context, buffer.baseAddress, size, format, 0)
      initialized = status == 0 ? size : 0
    }
    try check(status, name)
    if isWidened { return Image8(width: width, height: height, channels: isIndexed ? 3 : 1, pixels: raw) }
    let samples = try samplesPerPixel(colorType: Int(header.color_type), name: name)
    let values = widen(
      raw, rows: height, samplesPerRow: width * samples, bits: Int(header.bit_depth),
      scales: !isIndexed)
    switch Int(header.color_type) {
    case 0: return Image8(width: width, height: height, channels: 1, pixels: values)
    case 2: return Image8(width: width, height: height, channels: 3, pixels: values)
    case 3:
      let pixels = try colours(of: values, context, name: name)
      return Image8(width: width, height: height, channels: 3, pixels: pixels)
    case 4: return Image8(width: width, height: height, channels: 1, pixels: dropLast(of: 2, values))
    default: return Image8(width: width, height: height, channels: 3, pixels: dropLast(of: 4, values))
    }
  }

  private static func samplesPerPixel(colorType: Int, name: String) throws(InputError) -> Int {
    switch colorType {
    case 0, 3: return 1
    case 2: return 3
    case 4: return 2
    case 6: return 4
    default: throw .undecodable(name: name, reason: "colour type \(colorType) does not exist in PNG")
    }
  }

  /// One byte per sample. Rows of fewer than 8 bits per sample are packed high bits first and padded to a byte;
  /// 16-bit samples come in the machine's (little-endian) order.
  private static func widen(
    _ raw: [UInt8], rows: Int, samplesPerRow: Int, bits: Int, scales: Bool
  ) -> [UInt8] {
    if bits == 8 { return raw }
    var result: [UInt8] = []
    result.reserveCapacity(rows * samplesPerRow)
    if bits == 16 {
      for index in stride(from: 1, to: raw.count, by: 2) { result.append(raw[index]) }
      return result
    }
    let largest = (1 << bits) - 1
    let factor = scales ? 255 / largest : 1
    let perByte = 8 / bits
    let rowBytes = (samplesPerRow + perByte - 1) / perByte
    for row in 0..<rows {
      for sample in 0..<samplesPerRow {
        let byte = Int(raw[row * rowBytes + sample / perByte])
        let shift = 8 - bits * (sample % perByte + 1)
        result.append(UInt8((byte >> shift & largest) * factor))
      }
    }
    return result
  }

  /// Palette indices to colours. An index beyond the palette is an error.
  private static func colours(of indices: [UInt8], _ context: OpaquePointer, name: String) throws(InputError) -> [UInt8]
  {
    var palette = spng_plte()
    try check(spng_get_plte(context, &palette), name)
    let count = Int(palette.n_entries)
    let entries: [spng_plte_entry] = withUnsafeBytes(of: &palette.entries) {
      Array($0.bindMemory(to: spng_plte_entry.self).prefix(count))
    }
    var result: [UInt8] = []
    result.reserveCapacity(indices.count * 3)
    for index in indices {
      guard Int(index) < count else {
        throw .undecodable(name: name, reason: "palette index \(index) is beyond the palette of \(count) colours")
      }
      let entry = entries[Int(index)]
      result.append(entry.red)
      result.append(entry.green)
      result.append(entry.blue)
    }
    return result
  }

  /// Drops the last of every `group` samples (alpha).
  private static func dropLast(of group: Int, _ values: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(values.count / group * (group - 1))
    for index in values.indices where index % group != group - 1 { result.append(values[index]) }
    return result
  }

  private static func check(_ status: Int32, _ name: String) throws(InputError) {
    guard status != 0 else { return }
    throw .undecodable(name: name, reason: String(cString: spng_strerror(status)))
  }
}
