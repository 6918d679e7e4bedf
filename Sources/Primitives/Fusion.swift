// Chains of steps that one primitive computes at once. Lists are recorded step by step; a device that has a faster way
// for a chain replaces it when it prepares the list, and one that has none runs the steps as they stand.

import Compute
import Tensors

/// A primitive that computes a chain of steps without storing what passes between them.
///
/// Its definition is the chain: each step by its own definition, rounded to the element type that the chain would have
/// stored. What passes between the steps has no memory.
public protocol FusedPrimitive: Primitive {
  /// The steps, in order. The output of the last one is the only value that is kept.
  var parts: [any Primitive] { get }
  /// Whether a processor should compute the chain in this way: it can, and it is faster.
  func isTaken(_ list: CommandList, by processor: ProcessorTraits) -> Bool
}

/// What the choice of fused primitives may depend on.
public struct ProcessorTraits: Sendable, Hashable {
  /// The types of activations for which the processor has the vector instructions of whole blocks
  /// (Sources/CFusedBlocks).
  public var blockTypes: Set<ElementType>

  public init(blockTypes: Set<ElementType>) { self.blockTypes = blockTypes }
}

extension FusedPrimitive {
  public var writes: [Value] { parts.last!.writes }

  public var reads: [Value] {
    let passed = Set(passedValues)
    return parts.flatMap(\.reads).filter { !passed.contains($0) }
  }

  /// What passes between the steps.
  var passedValues: [Value] { parts.dropLast().flatMap(\.writes) }

  public func validate(_ list: CommandList) throws(ShapeError) {
    for part in parts { try part.validate(list) }
    for (part, next) in zip(parts, parts.dropFirst()) {
      try require(
        part.writes.allSatisfy { next.reads.contains($0) },
        "\(Self.name) expects a chain of steps, each of which reads what the one before it writes")
    }
  }

  public func reference(_ memory: HostMemory) {
    let list = memory.list
    var addresses = list.values.indices.map { memory.address(Value(index: $0)) }
    let passed = passedValues
    for value in passed {
      addresses[value.index] = .allocate(byteCount: max(list[value].byteCount, 1), alignment: 64)
    }
    let own = HostMemory(list: list, addresses: addresses)
    for part in parts { part.reference(own) }
    for value in passed { addresses[value.index].deallocate() }
  }

  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    throw ShapeError("\(Self.name) has no kernel; lists for OpenCL keep its steps")
  }
}

/// A way to find a chain.
struct FusionRule: Sendable {
  /// The chain that ends with a step: the positions of its steps, ascending, and what replaces them; nil where there is
  /// none. No step between them may change what they read.
  let match: @Sendable (_ uses: ValueUses, _ last: Int) -> (steps: [Int], primitive: any FusedPrimitive)?

  /// Every rule, in the order in which they are tried.
  static let all: [FusionRule] = [invertedResidual, convolutionIntoSlice, convolution]
}

/// Which steps of a list write and read each value.
struct ValueUses {
  let list: CommandList
  private var writers: [[Int]]
  private var readers: [[Int]]

  init(_ list: CommandList) {
    self.list = list
    writers = Array(repeating: [], count: list.values.count)
    readers = writers
    for (index, step) in list.steps.enumerated() {
      for value in Set(step.writes.map { list.owner(of: $0) }) { writers[value.index].append(index) }
      for value in Set(step.reads.map { list.owner(of: $0) }) { readers[value.index].append(index) }
    }
  }

  /// The step that makes a value for one other step and nobody else.
  func maker(of value: Value, for reader: Int) -> Int? {
    guard case .transient = list[value].kind, writers[value.index].count == 1, readers[value.index] == [reader],
      writers[value.index][0] < reader
    else { return nil }
    return writers[value.index][0]
  }

  /// Whether no step after the first position and before the second writes a value.
  func isUnchanged(_ value: Value, from first: Int, to last: Int) -> Bool {
    writers[list.owner(of: value).index].allSatisfy { $0 <= first || $0 >= last }
  }
}

extension CommandList {
  /// The list with every chain that a rule finds and the processor takes replaced by one step, which stands where the
  /// chain's last step stood. A step belongs to the first chain that takes it, rule by rule.
  /// - Complexity: O(steps x rules).
  public func fused(for processor: ProcessorTraits) throws(ShapeError) -> CommandList {
    let uses = ValueUses(self)
    var fused: [(any Primitive)?] = steps
    var isTaken = steps.map { _ in false }
    for rule in FusionRule.all {
      for last in steps.indices where !isTaken[last] {
        guard let (chain, primitive) = rule.match(uses, last), chain.allSatisfy({ !isTaken[$0] }),
          primitive.isTaken(self, by: processor)
        else { continue }
        for step in chain {
          isTaken[step] = true
          fused[step] = nil
        }
        fused[last] = primitive
      }
    }
    return try with(steps: fused.compactMap { $0 })
  }
}
