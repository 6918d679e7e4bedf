// CIFAR's binary files and MNIST's idx files.
//
// CIFAR-10 (Krizhevsky 2009): records of 1 label byte and 3,072 pixels, red plane, green plane, blue plane, 32 x 32.
// CIFAR-100: 2 label bytes, coarse and fine; the fine one is the label. idx: two zero bytes, the element type (8 for
// bytes), the number of dimensions, each dimension as a big-endian 32-bit integer, the data in row-major order.

extension Dataset {
  /// A CIFAR-10 or CIFAR-100 .bin file, told apart by its length and, where that fits both, by its label bytes.
  static func openCIFAR(_ path: String, labels labelsPath: String?) throws(InputError) -> Dataset {
    let file = try ByteSource(path: path)
    let plane = 1024
    for (labelBytes, classes) in [(1, [10]), (2, [20, 100])] {
      let stride = labelBytes + 3 * plane
      guard file.count > 0, file.count % stride == 0 else { continue }
      let count = file.count / stride
      var labels: [Int] = []
      var isPlausible = true
      for index in 0..<count where isPlausible {
        let bytes = try file.read(at: index * stride, count: labelBytes)
        isPlausible = zip(bytes, classes).allSatisfy { Int($0) < $1 }
        labels.append(Int(bytes[labelBytes - 1]))
      }
      guard isPlausible else { continue }
      if let labelsPath { labels = try LabelTable.read(labelsPath, count: count) }
      let source = RecordSource(
        bytes: file, offset: 0, stride: stride, skip: labelBytes, count: count,
        content: .image(height: 32, width: 32, channels: 3, isPlanar: true), elementType: .uint8, isBigEndian: false,
        kind: labelBytes == 1 ? "CIFAR-10 binary" : "CIFAR-100 binary", fileName: FileBytes.lastComponent(path))
      return Dataset(path: path, source: source, labels: labels)
    }
    throw .malformed(
      path: path,
      reason: "it is not a CIFAR binary: \(file.count) bytes are no whole number of records with valid labels")
  }

  /// MNIST's idx3 (or idx4 with 1 or 3 channels last) images. Labels come from `labelsPath`, else from the file beside
  /// it whose name has "labels" for "images" and "idx1" for "idx3", if there is one.
  static func openIDX(_ path: String, labels labelsPath: String?) throws(InputError) -> Dataset {
    let file = try IDXFile(contentsOf: path)
    guard file.shape.count == 3 || (file.shape.count == 4 && [1, 3].contains(file.shape[3])),
      file.shape.dropFirst().allSatisfy({ $0 > 0 })
    else {
      throw .malformed(path: path, reason: "images have shape [N, H, W] or [N, H, W, C], this file has \(file.shape)")
    }
    let channels = file.shape.count == 4 ? file.shape[3] : 1
    let source = RecordSource(
      bytes: file.source, offset: file.dataOffset, stride: file.shape.dropFirst().reduce(1, *), skip: 0,
      count: file.shape[0],
      content: .image(height: file.shape[1], width: file.shape[2], channels: channels, isPlanar: false),
      elementType: .uint8, isBigEndian: false, kind: "idx", fileName: FileBytes.lastComponent(path))
    var labels: [Int]?
    if let labelsPath = labelsPath ?? labelFile(beside: path) {
      labels = try LabelTable.read(labelsPath, count: source.count)
    }
    return Dataset(path: path, source: source, labels: labels)
  }

  /// train-images-idx3-ubyte.gz has its labels in train-labels-idx1-ubyte(.gz).
  private static func labelFile(beside path: String) -> String? {
    let name = FileBytes.lastComponent(path)
    let folder = path.dropLast(name.count)
    var plain = replacing("images", with: "labels", in: replacing("idx3", with: "idx1", in: name))
    guard plain != name else { return nil }
    if plain.hasSuffix(".gz") { plain = String(plain.dropLast(3)) }
    return ["\(folder)\(plain)", "\(folder)\(plain).gz"].first { FileBytes.regularFileSize($0) != nil }
  }

  private static func replacing(_ word: String, with other: String, in text: String) -> String {
    guard let range = text.firstRange(of: word) else { return text }
    return text[..<range.lowerBound] + other + text[range.upperBound...]
  }
}

/// An idx file of bytes, plain or gzipped.
struct IDXFile {
  let shape: [Int]
  let source: ByteSource
  let dataOffset: Int

  init(contentsOf path: String) throws(InputError) {
    let file = try ByteSource(path: path)
    let start = try file.read(at: 0, count: min(4, file.count))
    if Gzip.isGzip(start) {
      try self.init(ByteSource(Gzip.inflate(contentsOf: path), path: path))
    } else {
      try self.init(file)
    }
  }

  init(_ source: ByteSource) throws(InputError) {
    let path = source.path
    let magic = try source.read(at: 0, count: min(4, source.count))
    guard magic.count == 4, magic[0] == 0, magic[1] == 0, magic[2] == 8, (1...4).contains(magic[3]) else {
      throw .malformed(path: path, reason: "it does not start as an idx file of bytes")
    }
    let rank = Int(magic[3])
    let bytes = try source.read(at: 4, count: 4 * rank)
    shape = (0..<rank).map { axis in
      bytes[4 * axis..<4 * axis + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    dataOffset = 4 + 4 * rank
    var size = 1
    for extent in shape {
      let (product, overflows) = size.multipliedReportingOverflow(by: extent)
      if overflows { throw .malformed(path: path, reason: "its shape \(shape) is too large") }
      size = product
    }
    guard source.count - dataOffset == size else {
      throw .malformed(
        path: path, reason: "shape \(shape) needs \(size) bytes, the file holds \(source.count - dataOffset)")
    }
    self.source = source
  }
}
