// From an 8-bit image to the numbers a model eats: `--preprocess NAME or FILE.json`.
//
// The model eats ((pixel / 255) * scale - mean) / std with the pixel in 0..255, so mean and std are in units of
// `scale`: 1 for PyTorch's habit, 255 (the default) for raw pixels. Resize and crop come first and give the 8-bit
// image of the certificate; the formula is applied afterwards, through a table of floats over integers.

/// How images become a model's input. A value is always consistent: every way to make one checks it.
public struct Preprocessing: Sendable, Equatable {
  /// The colours the model eats, in its order.
  public enum Channels: String, Sendable, Codable, CaseIterable {
    case rgb = "RGB"
    case bgr = "BGR"
    case grey = "L"
  }

  /// Where the model's input has its channels; `auto` follows from the model's input shape.
  public enum Layout: String, Sendable, Codable, CaseIterable {
    case auto
    case nchw = "NCHW"
    case nhwc = "NHWC"
  }

  /// The shorter side is scaled to this many pixels, the longer one in proportion, rounded to nearest (ties to even).
  public let resize: Int?
  /// The side of the square cut from the centre; offsets are floor((size - crop) / 2).
  public let crop: Int?
  public let interpolation: Interpolation
  /// nil: as many channels as the model has, red first.
  public let channels: Channels?
  /// The value of a white pixel before mean and std.
  public let scale: Double
  /// 1 value for all channels, or 3 in the *model's* channel order (for BGR: blue, green, red).
  public let mean: [Double]
  public let std: [Double]
  public let layout: Layout
  /// True if the model was trained on column-major images (rows and columns exchanged).
  public let transpose: Bool

  /// Checks every value; the error says which one cannot be meant and what would fit.
  public init(
    resize: Int? = nil, crop: Int? = nil, interpolation: Interpolation = .bilinear, channels: Channels? = nil,
    scale: Double = 255, mean: [Double], std: [Double], layout: Layout = .auto, transpose: Bool = false
  ) throws(InputError) {
    self.init(
      unchecked: (resize, crop, interpolation), channels: channels, scale: scale, mean: mean, std: std,
      layout: layout, transpose: transpose)
    try validate()
  }

  /// For the presets, which a test validates.
  init(
    unchecked geometry: (resize: Int?, crop: Int?, interpolation: Interpolation), channels: Channels?, scale: Double,
    mean: [Double], std: [Double], layout: Layout = .auto, transpose: Bool = false
  ) {
    self.resize = geometry.resize
    self.crop = geometry.crop
    self.interpolation = geometry.interpolation
    self.channels = channels
    self.scale = scale
    self.mean = mean
    self.std = std
    self.layout = layout
    self.transpose = transpose
  }

  /// The number of channels that this preprocessing fixes: 1 for L, 3 for RGB, BGR and triple means; nil if open.
  public var fixedChannelCount: Int? {
    switch channels {
    case .grey: return 1
    case .rgb, .bgr: return 3
    case nil: return max(mean.count, std.count) == 3 ? 3 : nil
    }
  }

  /// For model channel c, the channel of `Image8` storage (red 0, green 1, blue 2) that it eats.
  public func channelOrder(channels count: Int) -> [Int] {
    channels == .bgr ? [2, 1, 0] : Array(0..<count)
  }

  /// The same numbers without resize and crop, for data that already has the model's size.
  public var withoutGeometry: Preprocessing {
    Preprocessing(
      unchecked: (nil, nil, .bilinear), channels: channels, scale: scale, mean: mean, std: std, layout: layout,
      transpose: transpose)
  }

  /// The floats a model eats for integer pixel values `lowest...highest` (noise leaves 0..255), one table per model
  /// channel: entry y - lowest is Float((y * scale / 255 - mean) / std), evaluated in Double in that order, so that
  /// scale 255 gives y exactly, and rounded once to Float.
  /// - Precondition: lowest <= highest; `channels` is 1 or 3 and agrees with `fixedChannelCount`.
  public func lookupTable(lowest: Int, highest: Int, channels: Int) -> [[Float]] {
    precondition(lowest <= highest, "a table needs at least one entry")
    precondition(fixedChannelCount == nil || fixedChannelCount == channels, "channel counts differ")
    return (0..<channels).map { channel in
      let center = mean.count == 1 ? mean[0] : mean[channel]
      let spread = std.count == 1 ? std[0] : std[channel]
      return (lowest...highest).map { Float((Double($0) * scale / 255 - center) / spread) }
    }
  }

  /// The 8-bit image of the certificate: channels converted (in red, green, blue storage, also for BGR), the shorter
  /// side resized, the centre cut out. `modelChannels` decides where this value leaves the channel count open; then
  /// grey becomes colour by repetition, and colour for a one-channel model is refused unless channels is "L".
  public func apply(to image: Image8, modelChannels: Int? = nil) throws(InputError) -> Image8 {
    var image = image
    switch fixedChannelCount ?? modelChannels ?? image.channels {
    case 3:
      image = image.convertedToRGB()
    case 1:
      guard image.channels == 1 || channels == .grey else {
        throw .preprocessing(
          reason: "the image has colours and the model one channel; set \"channels\" to \"L\" to convert to grey")
      }
      image = image.convertedToGrey()
    case let count:
      throw .preprocessing(reason: "the model eats \(count) channels, images have 1 or 3")
    }
    let size = try resizedSize(width: image.width, height: image.height)
    var columns = 0..<size.width
    var rows = 0..<size.height
    if let crop {
      guard crop <= size.width, crop <= size.height else {
        let hint = resize == nil ? "set \"resize\"" : "\"resize\" must be at least \"crop\""
        throw .preprocessing(
          reason: "the crop of \(crop) x \(crop) does not fit into an image of \(size.width) x \(size.height); \(hint)")
      }
      let left = (size.width - crop) / 2
      let top = (size.height - crop) / 2
      columns = left..<left + crop
      rows = top..<top + crop
    }
    if size == (image.width, image.height), columns.count == image.width, rows.count == image.height { return image }
    return image.resized(
      toWidth: size.width, height: size.height, interpolation: interpolation, columns: columns, rows: rows)
  }

  /// The size after `resize`: the longer side is nearest to resize * longer / shorter, ties to even.
  func resizedSize(width: Int, height: Int) throws(InputError) -> (width: Int, height: Int) {
    guard let resize else { return (width, height) }
    let shorter = min(width, height)
    let (doubled, remainder) = (2 * resize * max(width, height)).quotientAndRemainder(dividingBy: 2 * shorter)
    var longer = doubled
    if remainder > shorter || (remainder == shorter && longer % 2 == 1) { longer += 1 }
    guard longer <= ImageDecoder.largestPixelCount / resize else {
      throw .preprocessing(reason: "resizing \(width) x \(height) would give \(resize) x \(longer) pixels, too many")
    }
    return width <= height ? (resize, longer) : (longer, resize)
  }
}
