// Where each pixel of an 8-bit image goes in a model's input.
//
// index = row * rowStride + column * columnStride + modelChannel * channelStride, in the model's row-major input
// without batch. Model channel c eats storage channel channelOrder[c].

/// The affine map from (row, column, model channel) of an image to an index of the model's input.
public struct PixelPlacement: Sendable, Equatable {
  public let rowStride: Int
  public let columnStride: Int
  public let channelStride: Int
  /// For model channel c, the channel in `Image8` storage.
  public let channelOrder: [Int]
  /// The image's size, [height, width, channels].
  public let imageShape: [Int]
  /// The model's input without batch, unknown dimensions filled in.
  public let modelShape: [Int]

  public func modelIndex(row: Int, column: Int, modelChannel: Int) -> Int {
    row * rowStride + column * columnStride + modelChannel * channelStride
  }

  /// Finds the only reading of `modelShape` that holds the image.
  ///
  /// `modelShape` is the model's input without batch; dimensions of 0 or less are unknown and take what the image
  /// needs. Read as [C, H, W], [H, W, C], [H, W] (one channel), or flat (all other dimensions 1); leading dimensions of
  /// 1 beyond rank 3 are passed over. A flat input of a colour image is row-major in the order that `layout` names.
  /// With `transposed` the model's rows are the image's columns. No reading, or two that differ with layout auto, is
  /// `InputError.shapes`.
  public init(
    modelShape: [Int], imageShape: [Int], layout: Preprocessing.Layout, transposed: Bool, channelOrder: [Int]
  ) throws(InputError) {
    precondition(imageShape.count == 3 && channelOrder.count == imageShape[2])
    // As the model sees the picture: its rows, columns and channels.
    let rows = transposed ? imageShape[1] : imageShape[0]
    let columns = transposed ? imageShape[0] : imageShape[1]
    let channels = imageShape[2]
    let planar = [channels, rows, columns]
    let interleaved = [rows, columns, channels]

    var readings: [(shape: [Int], isPlanar: Bool)] = []
    for (order, isPlanar) in [(planar, true), (interleaved, false)] {
      if layout == .nchw && !isPlanar || layout == .nhwc && isPlanar { continue }
      let matrix = channels == 1 ? [rows, columns] : nil
      if let shape = Self.match(modelShape, with: order, orMatrix: matrix) { readings.append((shape, isPlanar)) }
    }
    guard let first = readings.first else {
      throw .shapes(
        model: modelShape, image: imageShape,
        reason: Self.hint(modelShape: modelShape, imageShape: imageShape, layout: layout))
    }
    // With one channel both readings put every pixel at the same place.
    if readings.count == 2, channels > 1 {
      throw .shapes(
        model: modelShape, image: imageShape,
        reason: "channels may come first or last there; set \"layout\" to \"NCHW\" or \"NHWC\" in the preprocessing")
    }
    let modelRow = first.isPlanar ? columns : columns * channels
    let modelColumn = first.isPlanar ? 1 : channels
    self.rowStride = transposed ? modelColumn : modelRow
    self.columnStride = transposed ? modelRow : modelColumn
    self.channelStride = first.isPlanar ? rows * columns : 1
    self.channelOrder = channelOrder
    self.imageShape = imageShape
    self.modelShape = first.shape
  }

  /// `shape` with its unknown dimensions filled, if it can hold an array of shape `order`, or of shape `matrix`, or
  /// all its values in one dimension; else nil.
  private static func match(_ shape: [Int], with order: [Int], orMatrix matrix: [Int]?) -> [Int]? {
    let total = order.reduce(1, *)
    let leading = max(0, shape.count - 3)
    if shape.prefix(leading).allSatisfy({ $0 == 1 || $0 <= 0 }) {
      let core = Array(shape.dropFirst(leading))
      let ones = [Int](repeating: 1, count: leading)
      if fits(core, order) { return ones + order }
      if let matrix, fits(core, matrix) { return ones + matrix }
    }
    let large = shape.indices.filter { shape[$0] != 1 }
    if large.isEmpty, total == 1 { return shape }
    guard large.count == 1, let only = large.first, shape[only] == total || shape[only] <= 0 else { return nil }
    var filled = shape
    filled[only] = total
    return filled
  }

  private static func fits(_ shape: [Int], _ order: [Int]) -> Bool {
    shape.count == order.count && zip(shape, order).allSatisfy { $0 <= 0 || $0 == $1 }
  }

  private static func hint(modelShape: [Int], imageShape: [Int], layout: Preprocessing.Layout) -> String {
    let modelCount =
      modelShape.allSatisfy { $0 > 0 } ? modelShape.reduce(1) { $0.multipliedReportingOverflow(by: $1).0 } : 0
    let pixels = imageShape[0] * imageShape[1]
    if modelCount == pixels && imageShape[2] == 3 {
      return "the model eats one channel; set \"channels\" to \"L\" in the preprocessing"
    }
    if modelCount == 3 * pixels && imageShape[2] == 1 {
      return "the model eats three channels; set \"channels\" to \"RGB\" in the preprocessing"
    }
    if modelCount == pixels * imageShape[2] && layout != .auto {
      return "the layout \(layout.rawValue) does not fit; set \"layout\" to \"auto\" in the preprocessing"
    }
    return "set \"resize\" and \"crop\" in the preprocessing so that the image gets the model's size"
  }

  /// The model's input for one image without noise, through the tables of `Preprocessing.lookupTable` for pixel
  /// values 0...255, one per model channel.
  /// - Precondition: the image has `imageShape`.
  public func modelInput(of image: Image8, tables: [[Float]]) -> [Float] {
    precondition(image.shape == imageShape && tables.count == channelOrder.count)
    var result = [Float](repeating: 0, count: image.pixels.count)
    for row in 0..<image.height {
      for column in 0..<image.width {
        for (channel, storage) in channelOrder.enumerated() {
          result[modelIndex(row: row, column: column, modelChannel: channel)] =
            tables[channel][Int(image[row, column, storage])]
        }
      }
    }
    return result
  }
}

extension Preprocessing {
  /// The placement of an image, as `apply(to:)` returns it, in a model's input.
  public func placement(modelShape: [Int], image: Image8) throws(InputError) -> PixelPlacement {
    try PixelPlacement(
      modelShape: modelShape, imageShape: image.shape, layout: layout, transposed: transpose,
      channelOrder: channelOrder(channels: image.channels))
  }
}
