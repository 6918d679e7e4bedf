// One runnable copy of a command list on the CPU.

import Compute
import Glibc
import Primitives
import Tensors

/// Activations, prepared steps and the thread they run on.
final class CPUInstance: PreparedList, @unchecked Sendable {
  private let list: CommandList
  private let memory: HostMemory
  private let steps: [CPUStep]
  private let thread: WorkerThread
  private let slots: [UnsafeMutableRawPointer?]

  /// Allocates the slots of the plan and prepares every step. Called on a thread of the device.
  init(
    _ list: CommandList, _ plan: MemoryPlan, shared: SharedObjects, thread: WorkerThread, referenceOnly: Bool
  ) throws {
    self.list = list
    self.thread = thread
    let slots = zip(plan.slotBytes, plan.isConstant).map { (bytes, isConstant) -> UnsafeMutableRawPointer? in
      if isConstant { return nil }
      let slot = UnsafeMutableRawPointer.allocate(byteCount: max(bytes, 64), alignment: 64)
      slot.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
      return slot
    }
    self.slots = slots
    memory = HostMemory(
      list: list,
      addresses: list.values.indices.map { index in
        if let slot = slots[plan.slot[index]] { return slot }
        guard case .constant(let tensor) = list[list.owner(of: Value(index: index))].kind else {
          preconditionFailure("only constants live outside an instance's memory")
        }
        // The list keeps the tensor, and the tensor its bytes, which nobody writes.
        return tensor.withBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress!) }
      })
    let context = CPUContext(list: list, shared: shared, scratch: Scratch())
    steps = try list.steps.map { step in
      if !referenceOnly, let fast = try step.optimized(context) { return fast }
      return step.reference
    }
  }

  deinit {
    for slot in slots { slot?.deallocate() }
  }

  func write(_ bytes: UnsafeRawBufferPointer, to value: Value, offset: Int) throws(DeviceError) {
    switch list[list.owner(of: value)].kind {
    case .input, .state: break
    default: throw .unsupported("The host can write inputs and states only, and \"\(list[value].name)\" is neither.")
    }
    guard offset >= 0, offset + bytes.count <= list[value].byteCount else {
      throw .unsupported(
        "\(bytes.count) bytes at offset \(offset) do not fit the \(list[value].byteCount) bytes of "
          + "\"\(list[value].name)\".")
    }
    UnsafeMutableRawBufferPointer(start: memory.address(value) + offset, count: bytes.count).copyMemory(from: bytes)
  }

  func run() async throws(DeviceError) {
    await thread.run { [self] in
      for step in steps { step(memory) }
    }
  }

  func read(_ value: Value) throws(DeviceError) -> [UInt8] {
    switch list[list.owner(of: value)].kind {
    case .input, .output, .state: break
    default:
      throw .unsupported("The host can read inputs, outputs and states only, and \"\(list[value].name)\" is none.")
    }
    return Array(UnsafeRawBufferPointer(start: memory.address(value), count: list[value].byteCount))
  }
}
