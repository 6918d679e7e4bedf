// JPEG files (baseline and progressive; grey, YCbCr, RGB, CMYK and YCCK) through libjpeg-turbo's TurboJPEG API.
//
// The settings are libjpeg's defaults, which are also Pillow's: integer ("islow") inverse DCT, fancy upsampling,
// block smoothing. CMYK files are read as Pillow reads them: by Adobe's convention all four inks are stored
// inverted; then R = clip(K' - C K' / 255) with K' = 255 - K, rounded (Pillow's cmyk2rgb, MULDIV255).

import CTurboJPEG

enum JPEGDecoder {
  /// The pixels of a JPEG file. Data that libjpeg can only guess at (truncated file, bad Huffman code, lost restart
  /// marker) is an error; stray bytes between segments, which change no pixel, are not.
  static func decode(_ bytes: [UInt8], name: String) throws(InputError) -> Image8 {
    guard let handle = tjInitDecompress() else {
      throw .undecodable(name: name, reason: "libjpeg-turbo could not be started")
    }
    defer { tjDestroy(handle) }
    var width: Int32 = 0
    var height: Int32 = 0
    var subsampling: Int32 = -1
    var colorspace: Int32 = -1
    let headerStatus = tjDecompressHeader3(
      handle, bytes, UInt(bytes.count), &width, &height, &subsampling, &colorspace)
    // An unusual subsampling is reported as an error here although decoding works: the size tells the two apart.
    if headerStatus != 0, width <= 0 || height <= 0 || colorspace < 0 {
      throw .undecodable(name: name, reason: reason(handle))
    }
    try ImageDecoder.checkSize(width: Int(width), height: Int(height), name: name)

    let isGrey = colorspace == Int32(TJCS_GRAY.rawValue)
    let hasFourInks = colorspace == Int32(TJCS_CMYK.rawValue) || colorspace == Int32(TJCS_YCCK.rawValue)
    let format = isGrey ? TJPF_GRAY : (hasFourInks ? TJPF_CMYK : TJPF_RGB)
    let samples = isGrey ? 1 : (hasFourInks ? 4 : 3)
    let size = (width: Int(width), height: Int(height))
    let pixels = try decompress(handle, bytes, size: size, samples: samples, format: format, name: name)
    return Image8(
      width: size.width, height: size.height, channels: isGrey ? 1 : 3,
      pixels: hasFourInks ? convertInvertedInks(pixels) : pixels)
  }

  /// Decodes once, stopping at the first warning; where that warning is harmless, once more to the end.
  private static func decompress(
    _ handle: tjhandle, _ bytes: [UInt8], size: (width: Int, height: Int), samples: Int, format: TJPF, name: String
  ) throws(InputError) -> [UInt8] {
    let byteCount = size.width * size.height * samples
    for stopsOnWarning in [true, false] {
      let flags = Int32(TJFLAG_LIMITSCANS) | (stopsOnWarning ? Int32(TJFLAG_STOPONWARNING) : 0)
      var status: Int32 = -1
      let pixels = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initialized in
        status = tjDecompress2(
          handle, bytes, UInt(bytes.count), buffer.baseAddress, Int32(size.width), 0, Int32(size.height),
          Int32(format.rawValue), flags)
        let isWarning = tjGetErrorCode(handle) == Int32(TJERR_WARNING.rawValue)
        initialized = status == 0 || (isWarning && !stopsOnWarning) ? byteCount : 0
      }
      if status == 0 { return pixels }
      let text = reason(handle)
      guard isHarmless(text), endsWithMarker(bytes) else { throw .undecodable(name: name, reason: text) }
      if pixels.count == byteCount { return pixels }
    }
    throw .undecodable(name: name, reason: reason(handle))
  }

  private static func reason(_ handle: tjhandle) -> String {
    String(cString: tjGetErrorStr2(handle))
  }

  /// libjpeg's warnings that leave every pixel determined by the file.
  private static func isHarmless(_ text: String) -> Bool {
    contains(text, "extraneous bytes before marker") || contains(text, "unknown JFIF revision")
      || contains(text, "Adobe color transform") || contains(text, "ICC")
  }

  private static func contains(_ text: String, _ part: String) -> Bool {
    let whole = Array(text.utf8)
    let wanted = Array(part.utf8)
    guard whole.count >= wanted.count else { return false }
    return (0...whole.count - wanted.count).contains { whole[$0..<$0 + wanted.count].elementsEqual(wanted) }
  }

  /// True if an end-of-image marker follows the last start of a scan. libjpeg reports only its first warning, so a
  /// harmless one could hide that the file is cut short.
  private static func endsWithMarker(_ bytes: [UInt8]) -> Bool {
    var sawEnd = false
    for index in stride(from: bytes.count - 2, through: 0, by: -1) where bytes[index] == 0xFF {
      if bytes[index + 1] == 0xD9 { sawEnd = true }
      if bytes[index + 1] == 0xDA { return sawEnd }
    }
    return false
  }

  /// Inverted CMYK to RGB; see the file comment for the formula.
  private static func convertInvertedInks(_ inks: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(inks.count / 4 * 3)
    for start in stride(from: 0, to: inks.count, by: 4) {
      let whiteness = Int(inks[start + 3])  // 255 - K, where K = 255 - stored
      for ink in 0..<3 {
        let product = (255 - Int(inks[start + ink])) * whiteness + 128
        let value = whiteness - ((product >> 8) + product) >> 8
        result.append(UInt8(clamping: value))
      }
    }
    return result
  }
}
