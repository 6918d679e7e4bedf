import Graphs
import Inputs
import Primitives

extension AddNoise.Placement {
  /// Where the pixels of 8-bit images stand in the memory of a model's input.
  ///
  /// - Parameters:
  ///   - image: where they stand in the model's logical input, row-major without the batch.
  ///   - input: where the logical input's elements stand in memory.
  package init(_ image: PixelPlacement, in input: InputPlacement) throws {
    let shape = image.imageShape
    func stride(_ logical: Int, _ extent: Int) throws -> Int {
      guard let stride = input.physicalStride(logicalStride: logical, extent: extent) else {
        throw SmoothingError(
          "the model's input of shape \(input.shape) splits the rows of an image of shape \(shape); give the layout in "
            + "the preprocessing")
      }
      return stride
    }
    var modelChannel = [Int](repeating: 0, count: shape[2])
    for (channel, storage) in image.channelOrder.enumerated() { modelChannel[storage] = channel }
    self.init(
      height: shape[0], width: shape[1], channels: shape[2], rowStride: try stride(image.rowStride, shape[0]),
      columnStride: try stride(image.columnStride, shape[1]),
      channelStride: try stride(image.channelStride, shape[2]), modelChannel: modelChannel)
  }

  /// Where the elements of a real-valued input stand, which is stored row-major in the model's logical shape.
  package init(realInput input: InputPlacement) throws {
    // Up to three dimensions keep strides of their own; leading ones of extent 1 do not count.
    var shape = Array(input.shape.dropFirst()).drop { $0 == 1 }
    if shape.count > 3 || shape.isEmpty { shape = [input.sampleCount] }
    let extents = [Int](repeating: 1, count: 3 - shape.count) + shape
    let logical = [extents[1] * extents[2], extents[2], 1]
    let strides = zip(logical, extents).map { input.physicalStride(logicalStride: $0, extent: $1) }
    guard let row = strides[0], let column = strides[1], let channel = strides[2] else {
      throw SmoothingError("real-valued inputs of the shape \(input.shape) are not supported")
    }
    self.init(
      height: extents[0], width: extents[1], channels: extents[2], rowStride: row, columnStride: column,
      channelStride: channel, modelChannel: Array(0..<extents[2]))
  }
}
