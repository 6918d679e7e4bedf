// No live value is ever overwritten: random lists give the same results with planned and with private memory.

import Compute
import Tensors
import TestSupport
import Testing

@Suite struct MemoryPlanTests {
  @Test(arguments: 0..<400 as Range<UInt64>)
  func plannedMemoryGivesTheResultsOfPrivateMemory(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let list = try randomList(&generator)
    let plan = MemoryPlan(list)
    let shared = execute(list, slots: plan.slot, bytes: plan.slotBytes)
    let owners = list.values.indices.map { list.owner(of: Value(index: $0)).index }
    let alone = execute(list, slots: owners, bytes: list.values.map(\.byteCount))
    #expect(shared == alone, "seed \(seed)")
    #expect(shared.joined().allSatisfy { !$0.isNaN }, "seed \(seed)")
    for index in list.values.indices {
      #expect(plan.slotBytes[plan.slot[index]] >= list.values[index].byteCount, "seed \(seed)")
    }
  }

  /// A chain of 50 steps of equal size needs two slots (one if every step may work in place).
  @Test(arguments: [(false, 2), (true, 1)])
  func aChainReusesItsMemory(inPlace: Bool, slots: Int) throws {
    var list = CommandList()
    var value = list.input([64], .float32, name: "input")
    for step in 0..<50 {
      let next = list.transient([64], .float32, name: "step \(step)")
      try list.append(Mix(reads: [value], output: next, salt: 1, worksInPlace: inPlace))
      value = next
    }
    let output = list.output([64], .float32, name: "output")
    try list.append(Mix(reads: [value], output: output, salt: 1, worksInPlace: false))
    // Input and output have their own.
    #expect(MemoryPlan(list).instanceBytes == (slots + 2) * 256)
  }

  private func randomList(_ generator: inout SeededGenerator) throws(ShapeError) -> CommandList {
    var list = CommandList()
    let sizes = [16, 32, 32, 64]
    var known = [
      list.input([16], .float32, name: "input"),
      list.constant(Tensor(shape: [32], floats: (0..<32).map { Float($0) }), name: "constant"),
    ]
    for step in 0..<Int.random(in: 3...40, using: &generator) {
      let size = sizes.randomElement(using: &generator)!
      // Half of the operands are recent values, so that lives end at different times.
      let recent = known.suffix(3)
      let reads = (0..<Int.random(in: 1...3, using: &generator)).map { _ in
        Bool.random(using: &generator)
          ? recent.randomElement(using: &generator)! : known.randomElement(using: &generator)!
      }
      let output =
        step % 7 == 6
        ? list.output([size], .float32, name: "output \(step)")
        : list.transient([size], .float32, name: "value \(step)")
      try list.append(
        Mix(reads: reads, output: output, salt: Float(step), worksInPlace: Bool.random(using: &generator)))
      known.append(output)
      if Int.random(in: 0..<4, using: &generator) == 0 { known.append(list.view(of: output, [size / 4, 4])) }
      // A second step that writes the same value again, as copies into one output do.
      if Int.random(in: 0..<6, using: &generator) == 0 {
        try list.append(Mix(reads: [known[0]], output: output, salt: 99, worksInPlace: false))
      }
    }
    let last = list.output([16], .float32, name: "last")
    try list.append(Mix(reads: [known.randomElement(using: &generator)!], output: last, salt: 5, worksInPlace: false))
    return list
  }

  /// Runs the definitions and returns all outputs.
  private func execute(_ list: CommandList, slots: [Int], bytes: [Int]) -> [[Float]] {
    let memory = bytes.map { UnsafeMutableRawPointer.allocate(byteCount: $0, alignment: 64) }
    defer { for one in memory { one.deallocate() } }
    for (index, one) in memory.enumerated() {
      one.initializeMemory(as: Float.self, repeating: .nan, count: bytes[index] / 4)
    }
    let host = HostMemory(list: list, addresses: slots.map { memory[$0] })
    for (index, description) in list.values.enumerated() {
      let value = Value(index: index)
      switch description.kind {
      case .constant(let tensor): host.storeFloats(tensor.floats, to: value)
      case .input: host.storeFloats((0..<description.count).map { Float($0 * 7 % 11) }, to: value)
      default: break
      }
    }
    for step in list.steps { step.reference(host) }
    return list.values.indices.compactMap { index in
      guard case .output = list.values[index].kind else { return nil }
      return host.loadFloats(Value(index: index))
    }
  }
}

/// output[i] = (3 * sum of reads[j][i mod count] + salt) mod 1009, in whole numbers that binary32 holds exactly.
///
/// Unless it works in place it spoils its output first, so that an output which shares memory with an operand shows.
private struct Mix: Primitive {
  static var name: String { "mix" }
  let reads: [Value]
  let output: Value
  let salt: Float
  let worksInPlace: Bool

  var writes: [Value] { [output] }
  var inPlace: (input: Value, output: Value)? { worksInPlace ? (reads[0], output) : nil }

  func validate(_ list: CommandList) throws(ShapeError) {}

  func reference(_ memory: HostMemory) {
    let isShared = worksInPlace && memory.address(reads[0]) == memory.address(output)
    let count = memory.list[output].count
    if !isShared { memory.storeFloats(Array(repeating: .nan, count: count), to: output) }
    let operands = reads.map { memory.loadFloats($0) }
    let mixed = (0..<count).map { index -> Float in
      let sum = operands.reduce(Float(0)) { $0 + $1[index % $1.count] }
      return (3 * sum + salt).truncatingRemainder(dividingBy: 1009)
    }
    memory.storeFloats(mixed, to: output)
  }

  func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    throw ShapeError("mix runs on the host only")
  }
}
