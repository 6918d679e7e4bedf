// Decoding of JPEG and PNG files to the pixels that Pillow's `Image.open(...)` gives, by the first bytes of the file
// and not by its name (image folders in the wild hold PNG data in files called .jpeg).
//
// Orientation tags (EXIF) are not applied and colour profiles are not converted, as in Pillow and torchvision.

/// Decodes JPEG and PNG.
public enum ImageDecoder {
  /// Larger pictures are refused: Pillow's limit against decompression bombs.
  static let largestPixelCount = 178_956_970

  /// The pixels of a JPEG or PNG file: one channel for greyscale files, three for all others.
  ///
  /// Colour comes as red, green, blue; an alpha channel or transparent colour is dropped (as `convert("RGB")` does),
  /// 16-bit samples keep their high byte. Damaged or truncated data is `InputError.undecodable` with `name` in it.
  /// - Complexity: linear in the number of pixels; one image of working memory.
  public static func decode(_ bytes: [UInt8], name: String) throws(InputError) -> Image8 {
    if bytes.starts(with: [0xFF, 0xD8]) { return try JPEGDecoder.decode(bytes, name: name) }
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) { return try PNGDecoder.decode(bytes, name: name) }
    if bytes.isEmpty { throw .undecodable(name: name, reason: "the file is empty") }
    throw .undecodable(name: name, reason: "its first bytes are those of neither a JPEG nor a PNG file")
  }

  /// Reads and decodes one file.
  public static func decode(contentsOf path: String, name: String? = nil) throws(InputError) -> Image8 {
    let bytes: [UInt8]
    do {
      bytes = try FileBytes.read(path)
    } catch {
      throw .undecodable(name: name ?? path, reason: "\(error)")
    }
    return try decode(bytes, name: name ?? path)
  }

  /// Checks a header's size before any pixel memory is asked for.
  static func checkSize(width: Int, height: Int, name: String) throws(InputError) {
    guard width > 0, height > 0 else { throw .undecodable(name: name, reason: "it has no pixels") }
    guard width <= largestPixelCount / height else {
      throw .undecodable(
        name: name, reason: "\(width) x \(height) pixels are more than the \(largestPixelCount) allowed")
    }
  }
}
