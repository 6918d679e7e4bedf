// Data sets of equally long records in one file or one block of memory: .npy, .npz, CIFAR binaries, idx.

/// Records of `stride` bytes from `offset` on; each begins with `skip` bytes that are not data.
struct RecordSource: DatasetSource {
  /// What one record is.
  enum Content {
    case image(height: Int, width: Int, channels: Int, isPlanar: Bool)
    case floats(shape: [Int])
  }

  let bytes: ByteSource
  let offset: Int
  let stride: Int
  let skip: Int
  let count: Int
  let content: Content
  let elementType: NumPyArray.ElementType
  let isBigEndian: Bool
  let kind: String
  /// The file's name, for the items' names.
  let fileName: String

  var summary: String {
    switch content {
    case .image(let height, let width, let channels, _):
      return "\(count) images of \(height) x \(width) x \(channels) (\(kind))"
    case .floats(let shape):
      return "\(count) float inputs of shape \(shape) (\(kind))"
    }
  }

  func name(_ index: Int) -> String { "\(fileName)[\(index)]" }

  func size(_ index: Int) -> Int { stride - skip }

  func load(_ index: Int) throws(InputError) -> Dataset.Item {
    var data = try bytes.read(at: offset + index * stride + skip, count: stride - skip)
    if isBigEndian { NumPyArray.swapBytes(&data, elementSize: elementType.byteCount) }
    let elements = data.count / elementType.byteCount
    let array = NumPyArray(shape: [elements], elementType: elementType, data: data, source: name(index))
    switch content {
    case .floats(let shape):
      return .floats(shape: shape, values: try array.floats())
    case .image(let height, let width, let channels, let isPlanar):
      let values = try array.bytes()
      let pixels = isPlanar && channels > 1 ? Self.interleaved(values, channels: channels) : values
      return .image(Image8(width: width, height: height, channels: channels, pixels: pixels))
    }
  }

  /// Planes (all red, all green, all blue) to pixels.
  private static func interleaved(_ planes: [UInt8], channels: Int) -> [UInt8] {
    let plane = planes.count / channels
    var result: [UInt8] = []
    result.reserveCapacity(planes.count)
    for pixel in 0..<plane {
      for channel in 0..<channels { result.append(planes[channel * plane + pixel]) }
    }
    return result
  }
}
