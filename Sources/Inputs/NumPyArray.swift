// NumPy's array format (.npy), versions 1.0, 2.0 and 3.0: NEP 1, numpy/lib/format.py.
//
// In memory the data is always in C (row-major) order and in the machine's little-endian byte order, whatever the
// file had. Reading stands in NumPyArray+Reading.swift, writing in NumPyArray+Writing.swift.

/// An n-dimensional array as NumPy stores it.
public struct NumPyArray: Sendable, Equatable {
  /// The element types, named as in NumPy's type strings.
  public enum ElementType: String, Sendable, CaseIterable {
    case bool = "b1"
    case uint8 = "u1"
    case int8 = "i1"
    case uint16 = "u2"
    case int16 = "i2"
    case uint32 = "u4"
    case int32 = "i4"
    case uint64 = "u8"
    case int64 = "i8"
    case float16 = "f2"
    case float32 = "f4"
    case float64 = "f8"

    public var byteCount: Int {
      switch self {
      case .bool, .uint8, .int8: return 1
      case .uint16, .int16, .float16: return 2
      case .uint32, .int32, .float32: return 4
      case .uint64, .int64, .float64: return 8
      }
    }

    public var isFloat: Bool { self == .float16 || self == .float32 || self == .float64 }
  }

  public let shape: [Int]
  public let elementType: ElementType
  /// C order, little-endian.
  public let data: [UInt8]
  /// Where the array came from, for error messages.
  package let source: String

  /// - Precondition: `data` has exactly the size that shape and type give.
  package init(shape: [Int], elementType: ElementType, data: [UInt8], source: String = "an array in memory") {
    precondition(data.count == shape.reduce(1, *) * elementType.byteCount, "array data and shape differ")
    self.shape = shape
    self.elementType = elementType
    self.data = data
    self.source = source
  }

  /// An array of type f4.
  public init(shape: [Int], floats: [Float]) {
    self.init(shape: shape, elementType: .float32, data: floats.withUnsafeBytes { Array($0) })
  }

  /// An array of type f8.
  public init(shape: [Int], doubles: [Double]) {
    self.init(shape: shape, elementType: .float64, data: doubles.withUnsafeBytes { Array($0) })
  }

  /// An array of type u1.
  public init(shape: [Int], bytes: [UInt8]) {
    self.init(shape: shape, elementType: .uint8, data: bytes)
  }

  /// An array of type i8.
  public init(shape: [Int], integers: [Int]) {
    self.init(shape: shape, elementType: .int64, data: integers.withUnsafeBytes { Array($0) })
  }

  /// The number of elements.
  public var count: Int { data.count / elementType.byteCount }

  public static func == (left: NumPyArray, right: NumPyArray) -> Bool {
    left.shape == right.shape && left.elementType == right.elementType && left.data == right.data
  }
}

// MARK: - Typed access

extension NumPyArray {
  /// The elements as Float. f8 is rounded to nearest; integers that Float cannot represent are an error.
  public func floats() throws(InputError) -> [Float] {
    switch elementType {
    case .float32:
      return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
        data.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
        initialized = count
      }
    case .float16: return map(UInt16.self) { Float(Float16(bitPattern: $0)) }
    case .float64: return map(UInt64.self) { Float(Double(bitPattern: $0)) }
    default:
      var result: [Float] = []
      result.reserveCapacity(count)
      for value in try integers() {
        guard let exact = Float(exactly: value) else {
          throw .malformed(path: source, reason: "the integer \(value) has no exact float32 value")
        }
        result.append(exact)
      }
      return result
    }
  }

  /// The elements as Double; exact for every type but integers beyond 2^53, which are an error.
  public func doubles() throws(InputError) -> [Double] {
    switch elementType {
    case .float64: return map(UInt64.self) { Double(bitPattern: $0) }
    case .float32, .float16: return try floats().map(Double.init)
    default:
      var result: [Double] = []
      result.reserveCapacity(count)
      for value in try integers() {
        guard let exact = Double(exactly: value) else {
          throw .malformed(path: source, reason: "the integer \(value) has no exact float64 value")
        }
        result.append(exact)
      }
      return result
    }
  }

  /// The elements of an integer or boolean array; floats are an error, also whole ones.
  public func integers() throws(InputError) -> [Int] {
    switch elementType {
    case .bool: return data.map { $0 == 0 ? 0 : 1 }
    case .uint8: return data.map(Int.init)
    case .int8: return data.map { Int(Int8(bitPattern: $0)) }
    case .uint16: return map(UInt16.self) { Int($0) }
    case .int16: return map(UInt16.self) { Int(Int16(bitPattern: $0)) }
    case .uint32: return map(UInt32.self) { Int($0) }
    case .int32: return map(UInt32.self) { Int(Int32(bitPattern: $0)) }
    case .int64: return map(UInt64.self) { Int(Int64(bitPattern: $0)) }
    case .uint64:
      let values = map(UInt64.self) { $0 }
      guard values.allSatisfy({ $0 <= UInt64(Int.max) }) else {
        throw .malformed(path: source, reason: "it holds integers of 2^63 and above")
      }
      return values.map { Int($0) }
    case .float16, .float32, .float64:
      throw .malformed(path: source, reason: "integers are needed, but the array has type \(elementType.rawValue)")
    }
  }

  /// The elements as bytes: u1 as it is, other integer types if every value lies in 0...255, else an error.
  public func bytes() throws(InputError) -> [UInt8] {
    if elementType == .uint8 { return data }
    var result: [UInt8] = []
    result.reserveCapacity(count)
    for value in try integers() {
      guard let byte = UInt8(exactly: value) else {
        throw .malformed(path: source, reason: "the value \(value) is not a pixel value, 0...255")
      }
      result.append(byte)
    }
    return result
  }

  private func map<Word: FixedWidthInteger, Value>(_ word: Word.Type, _ convert: (Word) -> Value) -> [Value] {
    data.withUnsafeBytes { raw in
      (0..<count).map { convert(raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Word>.size, as: Word.self)) }
    }
  }
}
