// Definition of the conversions. bfloat16 and float16 are reached by way of binary32; integers that do not fit a
// narrower integer type saturate; bool is 1 for every number that is not 0.

import Compute
import Tensors

extension Convert {
  public func validate(_ list: CommandList) throws(ShapeError) {
    try list.requireCount(output, list[input].count, Self.name, "output")
  }

  public func reference(_ memory: HostMemory) {
    switch memory.list[input].type {
    case .float32, .bfloat16, .float16: store(memory.loadFloats(input).map { Double($0) }, memory)
    case .float64: store(Array(memory.elements(input, as: Double.self)), memory)
    case .int8: store(memory.elements(input, as: Int8.self).map { Int64($0) }, memory)
    case .uint8, .bool: store(memory.elements(input, as: UInt8.self).map { Int64($0) }, memory)
    case .int32: store(memory.elements(input, as: Int32.self).map { Int64($0) }, memory)
    case .uint32: store(memory.elements(input, as: UInt32.self).map { Int64($0) }, memory)
    case .int64: store(Array(memory.elements(input, as: Int64.self)), memory)
    case .uint64: store(Array(memory.elements(input, as: UInt64.self)), memory)
    }
  }

  private func store(_ numbers: [Double], _ memory: HostMemory) {
    switch memory.list[output].type {
    case .float32, .bfloat16, .float16: memory.storeFloats(numbers.map { Float($0) }, to: output)
    case .float64: fill(memory, numbers)
    case .int8: fill(memory, numbers.map { saturated($0, Int8.self) })
    case .uint8: fill(memory, numbers.map { saturated($0, UInt8.self) })
    case .bool: fill(memory, numbers.map { $0 == 0 ? UInt8(0) : 1 })
    case .int32: fill(memory, numbers.map { saturated($0, Int32.self) })
    case .uint32: fill(memory, numbers.map { saturated($0, UInt32.self) })
    case .int64: fill(memory, numbers.map { saturated($0, Int64.self) })
    case .uint64: fill(memory, numbers.map { saturated($0, UInt64.self) })
    }
  }

  private func store<Integer: FixedWidthInteger>(_ numbers: [Integer], _ memory: HostMemory) {
    switch memory.list[output].type {
    case .float32, .bfloat16, .float16: memory.storeFloats(numbers.map { Float($0) }, to: output)
    case .float64: fill(memory, numbers.map { Double($0) })
    case .int8: fill(memory, numbers.map { Int8(clamping: $0) })
    case .uint8: fill(memory, numbers.map { UInt8(clamping: $0) })
    case .bool: fill(memory, numbers.map { $0 == 0 ? UInt8(0) : 1 })
    case .int32: fill(memory, numbers.map { Int32(clamping: $0) })
    case .uint32: fill(memory, numbers.map { UInt32(clamping: $0) })
    case .int64: fill(memory, numbers.map { Int64(clamping: $0) })
    case .uint64: fill(memory, numbers.map { UInt64(clamping: $0) })
    }
  }

  private func fill<Element: BitwiseCopyable>(_ memory: HostMemory, _ elements: [Element]) {
    _ = memory.elements(output, as: Element.self).update(fromContentsOf: elements)
  }
}

/// The integer part of a number, or the nearest integer that the type holds; 0 for NaN.
private func saturated<Integer: FixedWidthInteger>(_ x: Double, _: Integer.Type) -> Integer {
  if x.isNaN { return 0 }
  return Integer(exactly: x.rounded(.towardZero)) ?? (x < 0 ? .min : .max)
}
