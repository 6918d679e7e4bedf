// Tensors as arrays of Double or Int, for arithmetic on the host where obviousness matters more than speed.

import Compute
import Tensors

extension Tensor {
  /// The elements of an integer or bool tensor; nil for float types.
  public var integers: [Int]? {
    switch type {
    case .int64: elements(as: Int64.self).map { Int($0) }
    case .uint64: elements(as: UInt64.self).map { Int(clamping: $0) }
    case .int32: elements(as: Int32.self).map { Int($0) }
    case .uint32: elements(as: UInt32.self).map { Int($0) }
    case .int8: elements(as: Int8.self).map { Int($0) }
    case .uint8: elements(as: UInt8.self).map { Int($0) }
    case .bool: elements(as: UInt8.self).map { $0 == 0 ? 0 : 1 }
    case .float32, .float64, .float16, .bfloat16: nil
    }
  }

  /// The elements as Double: exact, but for 64-bit integers beyond 2^53.
  public var doubles: [Double] {
    switch type {
    case .float64: elements(as: Double.self)
    case .float32: elements(as: Float.self).map { Double($0) }
    case .float16: elements(as: UInt16.self).map { Double(Compute.float(half: $0)) }
    case .bfloat16: elements(as: UInt16.self).map { Double(Float(bitPattern: UInt32($0) << 16)) }
    default: (integers ?? []).map { Double($0) }
    }
  }

  /// Numbers rounded to nearest into a float type; integers saturate and truncate, NaN becomes 0.
  public init(shape: [Int], type: ElementType, doubles: [Double]) {
    switch type {
    case .float64: self.init(shape: shape, type: type, elements: doubles)
    case .float32: self.init(shape: shape, type: type, elements: doubles.map { Float($0) })
    case .float16: self.init(shape: shape, type: type, elements: doubles.map { half(Float($0)) })
    case .bfloat16: self.init(shape: shape, type: type, elements: doubles.map { bfloat16(Float($0)) })
    case .bool: self.init(shape: shape, type: type, elements: doubles.map { $0 == 0 ? UInt8(0) : 1 })
    default: self.init(shape: shape, type: type, integers: doubles.map { saturatingInteger($0) })
    }
  }

  /// Integers clamped into an integer type (bool: nonzero is true), or rounded to nearest into a float type.
  public init(shape: [Int], type: ElementType, integers: [Int]) {
    switch type {
    case .int64: self.init(shape: shape, type: type, elements: integers.map { Int64($0) })
    case .uint64: self.init(shape: shape, type: type, elements: integers.map { UInt64(clamping: $0) })
    case .int32: self.init(shape: shape, type: type, elements: integers.map { Int32(clamping: $0) })
    case .uint32: self.init(shape: shape, type: type, elements: integers.map { UInt32(clamping: $0) })
    case .int8: self.init(shape: shape, type: type, elements: integers.map { Int8(clamping: $0) })
    case .uint8: self.init(shape: shape, type: type, elements: integers.map { UInt8(clamping: $0) })
    case .bool: self.init(shape: shape, type: type, elements: integers.map { $0 == 0 ? UInt8(0) : 1 })
    case .float64, .float32, .float16, .bfloat16:
      self.init(shape: shape, type: type, doubles: integers.map { Double($0) })
    }
  }

  /// The same numbers in another type.
  public func converted(to type: ElementType) -> Tensor {
    if type == self.type { return self }
    if let integers { return Tensor(shape: shape, type: type, integers: integers) }
    return Tensor(shape: shape, type: type, doubles: doubles)
  }

  /// Elements picked by their row-major index, with another shape.
  public func picking(_ indices: [Int], shape: [Int]) -> Tensor {
    switch type.size {
    case 1: Tensor(shape: shape, type: type, elements: withElements(as: UInt8.self) { e in indices.map { e[$0] } })
    case 2: Tensor(shape: shape, type: type, elements: withElements(as: UInt16.self) { e in indices.map { e[$0] } })
    case 4: Tensor(shape: shape, type: type, elements: withElements(as: UInt32.self) { e in indices.map { e[$0] } })
    default: Tensor(shape: shape, type: type, elements: withElements(as: UInt64.self) { e in indices.map { e[$0] } })
    }
  }

  /// The tensor with its axes in another order: axis i of the result is axis order[i] of this one.
  public func transposed(_ order: [Int]) -> Tensor {
    let strides = rowMajorStrides(shape)
    let extents = order.map { shape[$0] }
    return picking(stridedIndices(extents, order.map { strides[$0] }), shape: extents)
  }
}

extension ElementType {
  public var isFloat: Bool {
    switch self {
    case .float32, .float64, .float16, .bfloat16: true
    default: false
    }
  }
}

private func saturatingInteger(_ x: Double) -> Int {
  if x.isNaN { return 0 }
  if x >= 0x1p63 { return .max }
  if x < -0x1p63 { return .min }
  return Int(x)
}

/// The distance in elements between neighbours along each axis of a dense row-major array.
public func rowMajorStrides(_ shape: [Int]) -> [Int] {
  var strides = [Int](repeating: 1, count: shape.count)
  for axis in stride(from: shape.count - 2, through: 0, by: -1) { strides[axis] = strides[axis + 1] * shape[axis + 1] }
  return strides
}

/// offset + sum i_d strides[d] for every index of `extents` in row-major order.
public func stridedIndices(_ extents: [Int], _ strides: [Int], offset: Int = 0) -> [Int] {
  var result = [offset]
  for (extent, stride) in zip(extents, strides) {
    var next: [Int] = []
    next.reserveCapacity(result.count * extent)
    for base in result { for step in 0..<extent { next.append(base + step * stride) } }
    result = next
  }
  return result
}
