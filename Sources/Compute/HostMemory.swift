import Tensors

/// The memory of one instance of a command list on the host: an address for every value.
///
/// Elements of 16-bit float values are `UInt16` patterns. The addresses are valid for the life of the instance that
/// made them; a step must stay within the byte count of the value's description.
public struct HostMemory {
  public let list: CommandList
  private let addresses: [UnsafeMutableRawPointer]

  public init(list: CommandList, addresses: [UnsafeMutableRawPointer]) {
    precondition(addresses.count == list.values.count)
    self.list = list
    self.addresses = addresses
  }

  public func address(_ value: Value) -> UnsafeMutableRawPointer { addresses[value.index] }

  public func elements<Element: BitwiseCopyable>(
    _ value: Value, as _: Element.Type
  ) -> UnsafeMutableBufferPointer<Element> {
    precondition(MemoryLayout<Element>.size == list[value].type.size)
    return UnsafeMutableBufferPointer(
      start: addresses[value.index].assumingMemoryBound(to: Element.self), count: list[value].count)
  }

  /// A value's elements widened to binary32 (float32, bfloat16, float16, int8, uint8, int32, bool).
  public func loadFloats(_ value: Value) -> [Float] {
    switch list[value].type {
    case .float32: Array(elements(value, as: Float.self))
    case .bfloat16: elements(value, as: UInt16.self).map { Float(bitPattern: UInt32($0) << 16) }
    case .float16: elements(value, as: UInt16.self).map { float(half: $0) }
    case .int8: elements(value, as: Int8.self).map { Float($0) }
    case .uint8: elements(value, as: UInt8.self).map { Float($0) }
    case .bool: elements(value, as: UInt8.self).map { $0 == 0 ? 0 : 1 }
    case .int32: elements(value, as: Int32.self).map { Float($0) }
    case .uint32: elements(value, as: UInt32.self).map { Float($0) }
    case .int64: elements(value, as: Int64.self).map { Float($0) }
    case .uint64: elements(value, as: UInt64.self).map { Float($0) }
    case .float64: elements(value, as: Double.self).map { Float($0) }
    }
  }

  /// Stores binary32 numbers into a float32, bfloat16 or float16 value, rounded to nearest, ties to even; or into an int8
  /// or uint8 value as the nearest integers, ties to even, held within the type's range (NaN gives 0).
  public func storeFloats(_ floats: [Float], to value: Value) {
    switch list[value].type {
    case .float32:
      let target = elements(value, as: Float.self)
      for index in floats.indices { target[index] = floats[index] }
    case .bfloat16:
      let target = elements(value, as: UInt16.self)
      for index in floats.indices { target[index] = bfloat16(floats[index]) }
    case .float16:
      let target = elements(value, as: UInt16.self)
      for index in floats.indices { target[index] = half(floats[index]) }
    case .int8:
      let target = elements(value, as: Int8.self)
      for index in floats.indices { target[index] = Int8(nearest(floats[index], -128...127)) }
    case .uint8:
      let target = elements(value, as: UInt8.self)
      for index in floats.indices { target[index] = UInt8(nearest(floats[index], 0...255)) }
    default: preconditionFailure("only float and 8-bit values are stored as floats")
    }
  }
}

/// The integer of a range nearest to a number, ties to even; 0 for NaN.
private func nearest(_ x: Float, _ range: ClosedRange<Float>) -> Float {
  x.isNaN ? 0 : min(max(x, range.lowerBound), range.upperBound).rounded(.toNearestOrEven)
}

/// The bfloat16 nearest to a binary32 number, ties to even; NaN stays NaN.
@inlinable
public func bfloat16(_ x: Float) -> UInt16 {
  let bits = x.bitPattern
  if x.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
  return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ ((bits >> 16) & 1)) >> 16)
}

/// The binary32 number with the given binary16 pattern.
public func float(half pattern: UInt16) -> Float {
  let sign: Float = pattern & 0x8000 == 0 ? 1 : -1
  let exponent = Int(pattern >> 10) & 31
  let fraction = Float(pattern & 0x3ff)
  switch exponent {
  case 0: return sign * fraction * 0x1p-24
  case 31: return fraction == 0 ? sign * .infinity : .nan
  default: return sign * (1 + fraction * 0x1p-10) * Float(sign: .plus, exponent: exponent - 15, significand: 1)
  }
}

/// The binary16 pattern nearest to a binary32 number, ties to even; overflow gives infinity, NaN stays NaN.
public func half(_ x: Float) -> UInt16 {
  let sign = UInt16(truncatingIfNeeded: x.bitPattern >> 16) & 0x8000
  let magnitude = x.magnitude
  if magnitude.isNaN { return sign | 0x7e00 }
  if magnitude >= 65520 { return sign | 0x7c00 }
  if magnitude < 0x1p-14 { return sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven)) }
  let bits = magnitude.bitPattern
  let rounded = bits &+ 0xfff &+ ((bits >> 13) & 1)
  return sign | UInt16(truncatingIfNeeded: (rounded >> 13) &- (112 << 10))
}
