import Tensors

/// Which slot of device memory each value of a list takes.
///
/// Constants, inputs, outputs and states have a slot of their own. Transient values share slots: a slot is free again after the
/// last step that reads the value in it. A step's output takes over its input's slot where the step allows it
/// (`Primitive.inPlace`) and nothing reads the input later. First fit by size over the steps in order (greedy).
/// - Complexity: O(steps x slots).
public struct MemoryPlan: Sendable {
  /// The slot of every value, by value index; views share their owner's.
  public private(set) var slot: [Int]
  /// The number of bytes of every slot.
  public private(set) var slotBytes: [Int] = []
  /// Slots that hold a constant, and so are shared by all instances.
  public private(set) var isConstant: [Bool] = []

  public init(_ list: CommandList) {
    slot = Array(repeating: -1, count: list.values.count)
    var lastUse = Array(repeating: -1, count: list.values.count)
    for (index, step) in list.steps.enumerated() {
      for value in step.reads + step.writes { lastUse[list.owner(of: value).index] = index }
    }
    for (index, description) in list.values.enumerated() {
      switch description.kind {
      case .constant: slot[index] = addSlot(description.byteCount, constant: true)
      case .input, .output, .state: slot[index] = addSlot(description.byteCount, constant: false)
      case .transient, .view: break
      }
    }
    var free: [Int] = []
    for (index, step) in list.steps.enumerated() {
      if let (input, output) = step.inPlace {
        let source = list.owner(of: input)
        let target = list.owner(of: output)
        if case .transient = list[source].kind, case .transient = list[target].kind, slot[target.index] < 0,
          lastUse[source.index] == index, list[source].byteCount == list[target].byteCount,
          step.reads.filter({ list.owner(of: $0) == source }).count == 1
        {
          slot[target.index] = slot[source.index]
        }
      }
      for written in step.writes.map({ list.owner(of: $0) }) where slot[written.index] < 0 {
        let bytes = list[written].byteCount
        if let best = free.indices.filter({ slotBytes[free[$0]] >= bytes }).min(by: {
          slotBytes[free[$0]] < slotBytes[free[$1]]
        }) {
          slot[written.index] = free.remove(at: best)
        } else if let largest = free.indices.max(by: { slotBytes[free[$0]] < slotBytes[free[$1]] }) {
          slot[written.index] = free.remove(at: largest)
          slotBytes[slot[written.index]] = bytes
        } else {
          slot[written.index] = addSlot(bytes, constant: false)
        }
      }
      for value in Set((step.reads + step.writes).map { list.owner(of: $0) }) where lastUse[value.index] == index {
        guard case .transient = list[value].kind else { continue }
        let own = slot[value.index]
        let passedOn = step.writes.map { list.owner(of: $0) }.contains {
          $0 != value && slot[$0.index] == own && lastUse[$0.index] > index
        }
        if !passedOn && !free.contains(own) { free.append(own) }
      }
    }
    for index in list.values.indices where slot[index] < 0 {
      let owner = list.owner(of: Value(index: index))
      // What no step touches takes no memory.
      if slot[owner.index] < 0 { slot[owner.index] = addSlot(0, constant: false) }
      slot[index] = slot[owner.index]
    }
  }

  /// The bytes that one instance needs beside the constants.
  public var instanceBytes: Int { zip(slotBytes, isConstant).reduce(0) { $1.1 ? $0 : $0 + $1.0 } }
  /// The bytes of all constants.
  public var constantBytes: Int { zip(slotBytes, isConstant).reduce(0) { $1.1 ? $0 + $1.0 : $0 } }

  private mutating func addSlot(_ bytes: Int, constant: Bool) -> Int {
    slotBytes.append(bytes)
    isConstant.append(constant)
    return slotBytes.count - 1
  }
}
