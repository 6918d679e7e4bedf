// Records the command list of a case and its random inputs.

import Compute
import Primitives
import Tensors

/// Builds one case. In magnitude mode every number is replaced by its absolute value, activations are left out and
/// everything is float32: the result is then sum |x| |y|, which the bounds need.
final class CaseBuilder {
  var list = CommandList()
  let precision: Precision
  let magnitudes: Bool
  private(set) var inputs: [(Value, [UInt8])] = []
  /// The numbers of every input and constant, by value index.
  private(set) var numbers: [Int: [Float]] = [:]
  private(set) var output: Value?
  private var state: UInt64

  init(seed: UInt64, precision: Precision, magnitudes: Bool) {
    state = seed
    self.precision = precision
    self.magnitudes = magnitudes
  }

  /// The type of activations.
  var type: ElementType { precision.elementType }

  /// SplitMix64.
  func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// A number between two others, rounded to the type that the case stores.
  func number(_ range: ClosedRange<Float>) -> Float {
    let unit = Float(next() >> 40) * 0x1p-24
    return rounded(range.lowerBound + (range.upperBound - range.lowerBound) * unit)
  }

  private func rounded(_ x: Float) -> Float {
    switch precision {
    case .bfloat16: Float(bitPattern: UInt32(bfloat16(x)) << 16)
    case .float16: float(half: half(x))
    default: x
    }
  }

  private func prepared(_ count: Int, _ range: ClosedRange<Float>, _ special: [Int: Float]) -> [Float] {
    var drawn = (0..<count).map { _ in number(range) }
    for (index, x) in special { drawn[index] = rounded(x) }
    return magnitudes ? drawn.map { $0.isNaN ? 0 : $0.magnitude } : drawn
  }

  /// An input with random numbers; `special` overrides some of them.
  func input(
    _ shape: [Int], _ range: ClosedRange<Float> = -1...1, special: [Int: Float] = [:]
  ) -> Value {
    let value = list.input(shape, type, name: "input \(inputs.count)")
    let drawn = prepared(shape.reduce(1, *), range, special)
    numbers[value.index] = drawn
    switch type {
    case .bfloat16: inputs.append((value, drawn.map { bfloat16($0) }.withUnsafeBytes { Array($0) }))
    case .float16: inputs.append((value, drawn.map { half($0) }.withUnsafeBytes { Array($0) }))
    default: inputs.append((value, drawn.withUnsafeBytes { Array($0) }))
    }
    return value
  }

  /// An input with given elements of any type.
  func input<Element: BitwiseCopyable>(_ shape: [Int], _ type: ElementType, _ elements: [Element]) -> Value {
    let value = list.input(shape, type, name: "input \(inputs.count)")
    inputs.append((value, elements.withUnsafeBytes { Array($0) }))
    return value
  }

  /// A float32 constant with random numbers.
  func constant(_ shape: [Int], _ range: ClosedRange<Float> = -1...1) -> Value {
    let drawn = prepared(shape.reduce(1, *), range, [:])
    let value = list.constant(Tensor(shape: shape, floats: drawn))
    numbers[value.index] = drawn
    return value
  }

  /// The output of the case.
  func output(_ shape: [Int], _ type: ElementType? = nil) -> Value {
    let value = list.output(shape, type ?? self.type, name: "output")
    output = value
    return value
  }

  func activation(_ activation: FusedActivation) -> FusedActivation { magnitudes ? .none : activation }

  func append(_ step: some Primitive) throws(ShapeError) { try list.append(step) }

  /// The output by the definitions of all steps.
  func runReference() -> [Float] {
    let plan = MemoryPlan(list)
    let slots = plan.slotBytes.map { bytes in
      let slot = UnsafeMutableRawPointer.allocate(byteCount: max(bytes, 64), alignment: 64)
      slot.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
      return slot
    }
    defer { for slot in slots { slot.deallocate() } }
    let memory = HostMemory(list: list, addresses: plan.slot.map { slots[$0] })
    for (index, description) in list.values.enumerated() {
      if case .constant(let tensor) = description.kind {
        tensor.withBytes { slots[plan.slot[index]].copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
      }
    }
    for (value, bytes) in inputs { memory.address(value).copyMemory(from: bytes, byteCount: bytes.count) }
    for step in list.steps { step.reference(memory) }
    let bytes = UnsafeRawBufferPointer(start: memory.address(output!), count: list[output!].byteCount)
    return decoded(Array(bytes), list[output!].type)
  }
}
