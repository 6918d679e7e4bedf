// Reading .npy: the magic string, the header (a Python dictionary literal), the data.

/// What stands before the data of a .npy file.
struct NumPyHeader: Equatable {
  var shape: [Int]
  var elementType: NumPyArray.ElementType
  var isBigEndian: Bool
  var isFortranOrder: Bool
  /// Where the data starts.
  var dataOffset: Int
  /// Bytes of data.
  var dataCount: Int

  /// Longest header text that is read (NumPy's own limit is 10,000 characters).
  static let longestText = 1 << 16

  init(_ source: ByteSource, path: String) throws(InputError) {
    let prefix = try source.read(at: 0, count: min(12, source.count))
    guard prefix.count >= 10, prefix.starts(with: [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]) else {
      throw .malformed(path: path, reason: "it does not start as a .npy file")
    }
    let version = prefix[6]
    guard (1...3).contains(version), version == 1 || prefix.count == 12 else {
      throw .malformed(path: path, reason: "the .npy version \(version).\(prefix[7]) is unknown")
    }
    let start = version == 1 ? 10 : 12
    let length = prefix[8..<start].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= Self.longestText else {
      throw .malformed(path: path, reason: "its header of \(length) bytes is too long")
    }
    var text = HeaderText(try source.read(at: start, count: length))
    guard let fields = text.dictionary() else {
      throw .malformed(path: path, reason: "its .npy header is damaged")
    }
    (elementType, isBigEndian) = try Self.elementType(fields.descr, path: path)
    isFortranOrder = fields.isFortran
    shape = fields.shape
    dataOffset = start + length
    var bytes = elementType.byteCount
    for extent in shape {
      let (product, overflows) = bytes.multipliedReportingOverflow(by: extent)
      if overflows { throw .malformed(path: path, reason: "its shape \(shape) is too large") }
      bytes = product
    }
    dataCount = bytes
    guard source.count - dataOffset == bytes else {
      throw .malformed(
        path: path,
        reason:
          "shape \(shape) of \(elementType.rawValue) needs \(bytes) bytes, the file holds \(source.count - dataOffset)")
    }
  }

  private static func elementType(
    _ descr: String, path: String
  ) throws(InputError) -> (NumPyArray.ElementType, isBigEndian: Bool) {
    guard let order = descr.first, "<>|=".contains(order),
      let type = NumPyArray.ElementType(rawValue: String(descr.dropFirst()))
    else {
      throw .malformed(
        path: path,
        reason: "the element type '\(descr)' is not supported; convert to uint8, an integer type or float32 in NumPy")
    }
    return (type, order == ">")
  }
}

/// A reader of the three entries of a header; anything else in it makes the header invalid.
private struct HeaderText {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func dictionary() -> (descr: String, isFortran: Bool, shape: [Int])? {
    guard take("{") else { return nil }
    var descr: String?
    var isFortran: Bool?
    var shape: [Int]?
    while !take("}") {
      guard let key = string(), take(":") else { return nil }
      switch key {
      case "descr": descr = string()
      case "fortran_order": isFortran = boolean()
      case "shape": shape = tuple()
      default: return nil
      }
      if !take(",") {
        guard take("}") else { return nil }
        break
      }
    }
    skipSpace()
    guard position == bytes.count, let descr, let isFortran, let shape else { return nil }
    return (descr, isFortran, shape)
  }

  private mutating func skipSpace() {
    while position < bytes.count, bytes[position] == 0x20 || bytes[position] == 0x0A { position += 1 }
  }

  private mutating func take(_ word: String) -> Bool {
    skipSpace()
    let wanted = Array(word.utf8)
    guard bytes[position...].starts(with: wanted) else { return false }
    position += wanted.count
    return true
  }

  private mutating func string() -> String? {
    skipSpace()
    guard position < bytes.count, bytes[position] == 0x27 || bytes[position] == 0x22 else { return nil }
    let quote = bytes[position]
    guard let end = bytes[(position + 1)...].firstIndex(of: quote) else { return nil }
    defer { position = end + 1 }
    return String(decoding: bytes[(position + 1)..<end], as: UTF8.self)
  }

  private mutating func boolean() -> Bool? {
    if take("True") { return true }
    return take("False") ? false : nil
  }

  private mutating func tuple() -> [Int]? {
    guard take("(") else { return nil }
    var result: [Int] = []
    while !take(")") {
      skipSpace()
      let digits = bytes[position...].prefix { (0x30...0x39).contains($0) }
      guard let value = Int(String(decoding: digits, as: UTF8.self)) else { return nil }
      position += digits.count
      _ = take("L")  // written by Python 2
      result.append(value)
      if !take(",") {
        guard take(")") else { return nil }
        break
      }
    }
    return result
  }
}

extension NumPyArray {
  /// Reads a .npy file; damage is an error that names the file and what is wrong.
  public init(contentsOf path: String) throws(InputError) {
    try self.init(ByteSource(path: path), path: path)
  }

  /// Reads the bytes of a .npy file; `name` goes into errors.
  public init(npy bytes: [UInt8], name: String) throws(InputError) {
    try self.init(ByteSource(bytes, path: name), path: name)
  }

  init(_ source: ByteSource, path: String) throws(InputError) {
    let header = try NumPyHeader(source, path: path)
    var data = try source.read(at: header.dataOffset, count: header.dataCount)
    if header.isBigEndian { Self.swapBytes(&data, elementSize: header.elementType.byteCount) }
    if header.isFortranOrder {
      data = Self.rowMajor(data, shape: header.shape, elementSize: header.elementType.byteCount)
    }
    self.init(shape: header.shape, elementType: header.elementType, data: data, source: path)
  }

  static func swapBytes(_ data: inout [UInt8], elementSize: Int) {
    guard elementSize > 1 else { return }
    for start in stride(from: 0, to: data.count, by: elementSize) {
      for k in 0..<elementSize / 2 { data.swapAt(start + k, start + elementSize - 1 - k) }
    }
  }

  /// Column-major data in row-major order: the first index runs fastest in `data`, the last in the result.
  static func rowMajor(_ data: [UInt8], shape: [Int], elementSize: Int) -> [UInt8] {
    guard shape.count > 1, !data.isEmpty else { return data }
    var strides = [Int](repeating: elementSize, count: shape.count)
    for axis in 1..<shape.count { strides[axis] = strides[axis - 1] * shape[axis - 1] }
    var result: [UInt8] = []
    result.reserveCapacity(data.count)
    var index = [Int](repeating: 0, count: shape.count)
    var from = 0
    for _ in 0..<data.count / elementSize {
      result.append(contentsOf: data[from..<from + elementSize])
      var axis = shape.count - 1
      while axis >= 0 {
        index[axis] += 1
        from += strides[axis]
        if index[axis] < shape[axis] { break }
        from -= strides[axis] * shape[axis]
        index[axis] = 0
        axis -= 1
      }
    }
    return result
  }
}
