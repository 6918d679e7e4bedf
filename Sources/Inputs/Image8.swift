// An 8-bit image: the X in {0..255}^d that a smoothing certificate speaks about, after resize and crop.
//
// Storage order is rows, then columns, then channels: value (row, column, channel) stands at
// (row * width + column) * channels + channel. Colour images store red, green, blue, whatever the model eats.

/// An 8-bit greyscale (1 channel) or RGB (3 channels) image, rows top to bottom, channels interleaved.
public struct Image8: Sendable, Equatable {
  public let width: Int
  public let height: Int
  /// 1 (grey) or 3 (red, green, blue).
  public let channels: Int
  /// `height * width * channels` values; see the file comment for the order.
  public let pixels: [UInt8]

  /// - Precondition: width and height are positive, channels is 1 or 3, and `pixels` has exactly
  ///   `height * width * channels` entries.
  public init(width: Int, height: Int, channels: Int, pixels: [UInt8]) {
    precondition(width > 0 && height > 0, "an image has at least one row and one column")
    precondition(channels == 1 || channels == 3, "an image has 1 or 3 channels")
    precondition(pixels.count == width * height * channels, "pixel count and image size differ")
    self.width = width
    self.height = height
    self.channels = channels
    self.pixels = pixels
  }

  /// [height, width, channels].
  public var shape: [Int] { [height, width, channels] }

  public subscript(row: Int, column: Int, channel: Int) -> UInt8 {
    pixels[(row * width + column) * channels + channel]
  }

  /// The same picture with three equal channels; a colour image is returned unchanged.
  public func convertedToRGB() -> Image8 {
    guard channels == 1 else { return self }
    var result: [UInt8] = []
    result.reserveCapacity(pixels.count * 3)
    for value in pixels {
      result.append(value)
      result.append(value)
      result.append(value)
    }
    return Image8(width: width, height: height, channels: 3, pixels: result)
  }

  /// Luma with Pillow's `convert("L")`: (19595 R + 38470 G + 7471 B + 2^15) >> 16 (ITU-R 601-2).
  /// A grey image is returned unchanged.
  public func convertedToGrey() -> Image8 {
    guard channels == 3 else { return self }
    var result: [UInt8] = []
    result.reserveCapacity(width * height)
    for start in stride(from: 0, to: pixels.count, by: 3) {
      let red = UInt32(pixels[start]) * 19595
      let green = UInt32(pixels[start + 1]) * 38470
      let blue = UInt32(pixels[start + 2]) * 7471
      result.append(UInt8((red + green + blue + 0x8000) >> 16))
    }
    return Image8(width: width, height: height, channels: 1, pixels: result)
  }
}
