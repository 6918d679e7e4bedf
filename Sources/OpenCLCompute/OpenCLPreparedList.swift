// One runnable instance of a command list on an OpenCL device: a queue, buffers, and kernels with bound arguments.

import COpenCL
import Compute
import Tensors

/// A prepared list. Calls on one instance must not overlap.
package final class OpenCLPreparedList: PreparedList {
  private let list: CommandList
  private let memory: MemoryPlan
  private let queue: Queue
  private let buffers: [Buffer?]
  private let constants: ListPlan.Constants
  private let scratch: Buffer?
  package let tiles: [String]
  private let kernels: [BoundKernel]
  private let worker = Worker()

  /// A kernel with its arguments and sizes.
  private struct BoundKernel: Sendable {
    let kernel: Kernel
    let function: String
    let globalSize: [Int]
    let localSize: [Int]
  }

  init(_ plan: ListPlan, _ constants: ListPlan.Constants, _ device: cl_device_id) throws(DeviceError) {
    list = plan.list
    memory = plan.memory
    self.constants = constants
    queue = try Queue(plan.opened.context, device)
    var buffers: [Buffer?] = []
    for (slot, bytes) in plan.memory.slotBytes.enumerated() {
      if plan.memory.isConstant[slot] {
        buffers.append(constants.bySlot[slot])
      } else {
        let buffer = try Buffer(plan.opened.context, byteCount: bytes)
        try buffer.clear(queue)
        buffers.append(buffer)
      }
    }
    self.buffers = buffers
    tiles = plan.tiles
    scratch = plan.scratchBytes == 0 ? nil : try Buffer(plan.opened.context, byteCount: plan.scratchBytes)
    try scratch?.clear(queue)
    var kernels: [BoundKernel] = []
    for (launch, program) in zip(plan.launches, plan.programs) {
      let kernel = try Kernel(program, launch.function)
      for (index, argument) in launch.arguments.enumerated() {
        switch argument {
        case .value(let value): try kernel.set(index, buffers[plan.memory.slot[value.index]])
        case .packed(let tensor): try kernel.set(index, constants.byTensor[tensor.identity])
        case .scratch: try kernel.set(index, scratch)
        default: try kernel.set(index, argument)
        }
      }
      if launch.globalSize.contains(0) { continue }
      kernels.append(
        BoundKernel(
          kernel: kernel, function: launch.function, globalSize: launch.globalSize, localSize: launch.localSize))
    }
    self.kernels = kernels
    try check(clFinish(queue.object), "clFinish")
  }

  package func write(_ bytes: UnsafeRawBufferPointer, to value: Value, offset: Int) throws(DeviceError) {
    precondition(offset >= 0 && offset + bytes.count <= list[value].byteCount)
    guard let buffer = buffers[memory.slot[value.index]] else { return }
    try buffer.write(bytes, offset: offset, queue)
  }

  package func run() async throws(DeviceError) {
    try await worker.perform { [self] () -> Result<Void, DeviceError> in
      do throws(DeviceError) { return .success(try runAndWait()) } catch { return .failure(error) }
    }.get()
  }

  package func read(_ value: Value) throws(DeviceError) -> [UInt8] {
    try read(value, bytes: 0..<list[value].byteCount)
  }

  package func read(_ value: Value, bytes range: Range<Int>) throws(DeviceError) -> [UInt8] {
    precondition(range.lowerBound >= 0 && range.upperBound <= list[value].byteCount)
    if case .constant(let tensor) = list[list.owner(of: value)].kind { return tensor.withBytes { Array($0[range]) } }
    var result: Result<Void, DeviceError> = .success(())
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { target, count in
      count = range.count
      let bytes = UnsafeMutableRawBufferPointer(start: target.baseAddress, count: count)
      do throws(DeviceError) {
        try buffers[memory.slot[value.index]]?.read(into: bytes, offset: range.lowerBound, queue)
      } catch {
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        result = .failure(error)
      }
    }
    try result.get()
    return bytes
  }

  /// Runs on the calling thread; for the self-test and for `run`.
  func runAndWait() throws(DeviceError) {
    var last: cl_event?
    for (index, bound) in kernels.enumerated() {
      let status = withUnsafeMutablePointer(to: &last) { event in
        clEnqueueNDRangeKernel(
          queue.object, bound.kernel.object, cl_uint(bound.globalSize.count), nil, bound.globalSize, bound.localSize,
          0, nil, index == kernels.count - 1 ? event : nil)
      }
      try check(status, "clEnqueueNDRangeKernel(\(bound.function), \(bound.globalSize), \(bound.localSize))")
    }
    defer { if let last { clReleaseEvent(last) } }
    try check(clFinish(queue.object), "clFinish")
    guard let last else { return }
    var state: cl_int = 0
    try check(
      clGetEventInfo(
        last, cl_event_info(CL_EVENT_COMMAND_EXECUTION_STATUS), MemoryLayout<cl_int>.size, &state, nil),
      "clGetEventInfo")
    if state < 0 { try check(state, "the last kernel of the list") }
  }
}
