// .npy and .npz as data sets.
//
// Integer arrays hold pixels 0...255: [N, H, W], [N, H, W, C] or [N, C, H, W] with C 1 or 3. Float arrays hold inputs
// as the model eats them, [N, ...]. A .npz holds them under `images`, and labels under `labels` if it has any.

extension Dataset {
  /// A .npy file. Only arrays in Fortran order are read as a whole; others item by item.
  static func openArray(_ path: String, labels labelsPath: String?) throws(InputError) -> Dataset {
    let file = try ByteSource(path: path)
    let header = try NumPyHeader(file, path: path)
    let source: RecordSource
    if header.isFortranOrder {
      source = try records(of: NumPyArray(file, path: path), path: path, kind: ".npy")
    } else {
      source = try records(
        file, offset: header.dataOffset, shape: header.shape, elementType: header.elementType,
        isBigEndian: header.isBigEndian, path: path, kind: ".npy")
    }
    var labels: [Int]?
    if let labelsPath { labels = try LabelTable.read(labelsPath, count: source.count) }
    return Dataset(path: path, source: source, labels: labels)
  }

  /// A .npz file; its `images` are unpacked into memory.
  static func openArchive(_ path: String, labels labelsPath: String?) throws(InputError) -> Dataset {
    let archive = try NumPyArchive(path: path)
    let source = try records(of: archive.array("images"), path: path, kind: ".npz")
    var labels: [Int]?
    if let labelsPath {
      labels = try LabelTable.read(labelsPath, count: source.count)
    } else if archive.names.contains("labels") {
      labels = try LabelTable.check(archive.array("labels").integers(), count: source.count, path: path)
    }
    return Dataset(path: path, source: source, labels: labels)
  }

  private static func records(of array: NumPyArray, path: String, kind: String) throws(InputError) -> RecordSource {
    try records(
      ByteSource(array.data, path: path), offset: 0, shape: array.shape, elementType: array.elementType,
      isBigEndian: false, path: path, kind: kind)
  }

  private static func records(
    _ bytes: ByteSource, offset: Int, shape: [Int], elementType: NumPyArray.ElementType, isBigEndian: Bool,
    path: String, kind: String
  ) throws(InputError) -> RecordSource {
    guard shape.count >= 2, shape.dropFirst().allSatisfy({ $0 > 0 }) else {
      throw .malformed(path: path, reason: "an array of inputs has shape [N, ...], this one has \(shape)")
    }
    let itemShape = Array(shape.dropFirst())
    let content = elementType.isFloat ? .floats(shape: itemShape) : try imageContent(itemShape, path: path)
    return RecordSource(
      bytes: bytes, offset: offset, stride: itemShape.reduce(1, *) * elementType.byteCount, skip: 0, count: shape[0],
      content: content, elementType: elementType, isBigEndian: isBigEndian, kind: kind,
      fileName: FileBytes.lastComponent(path))
  }

  /// How the dimensions of an integer item are an image. Both ends 1 or 3 is ambiguous and an error.
  private static func imageContent(_ shape: [Int], path: String) throws(InputError) -> RecordSource.Content {
    if shape.count == 2 { return .image(height: shape[0], width: shape[1], channels: 1, isPlanar: false) }
    let channelCounts = [1, 3]
    guard shape.count == 3 else {
      throw .malformed(
        path: path,
        reason: "integer arrays hold images [N, H, W], [N, H, W, C] or [N, C, H, W]; the shape without N is \(shape)")
    }
    switch (channelCounts.contains(shape[0]), channelCounts.contains(shape[2])) {
    case (true, false): return .image(height: shape[1], width: shape[2], channels: shape[0], isPlanar: true)
    case (false, true): return .image(height: shape[0], width: shape[1], channels: shape[2], isPlanar: false)
    case (true, true):
      throw .malformed(
        path: path,
        reason: "channels may come first or last in images of shape \(shape); save them as [N, H, W] or float")
    case (false, false):
      throw .malformed(
        path: path, reason: "images have 1 or 3 channels, first or last; the shape without N is \(shape)")
    }
  }
}
