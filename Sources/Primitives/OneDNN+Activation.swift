// Turns a oneDNN operation into a step: residual, activation, and NaN kept as NaN.
//
// oneDNN computes ReLU and clip by the processor's maximum and minimum, which hand back the bound when the number is a
// NaN. A NaN that turned into 0 or 6 would hide an overflow from the vote (ArgMax counts a NaN as a vote for no class),
// so both are fused in a way that keeps it:
//
// - Minimum and maximum raise the invalid-operation flag for every NaN operand, quiet or not (Intel SDM volume 2,
//   MAXPS), and all of a call runs on the calling thread. If the flag is up after the call, the step is computed again
//   without the activation, which then runs by itself and keeps NaN. Rounding to bfloat16 is monotone, so rounding
//   before or after a clip whose bounds are rounded alike gives the same numbers.
// - Behind a residual the step cannot be repeated: the output may have taken over the residual's memory. There ReLU is
//   fused as the leaky one with slope 2^-149, the least denormal, while denormals are read and written as zero. That
//   path compares and multiplies: x < 0 becomes -0, NaN stays NaN. A sum that overflowed to minus infinity becomes NaN
//   too (0 * infinity), where the definition gives 0: a vote for no class, which is the careful side. (It would do
//   without a residual as well, but costs up to 20 % of a 1x1 convolution.) A clip behind a residual runs by itself.

import COneDNN
import CSIMD
import Compute
import Glibc
import Tensors

/// What it takes to prepare one step from a oneDNN operation.
struct OneDNNStep {
  /// Names the step within its list.
  let key: String
  /// Operands that move with the instance, by argument number.
  let operands: [(argument: CInt, query: dnnl_query_t, value: Value)]
  let output: Value
  let residual: Value?
  let activation: FusedActivation
  /// Makes the operation with its packed constants.
  let make: (OneDNN.PostOperations) throws(OneDNNError) -> OneDNNOperation
  /// Where the operation runs several times: the distance in elements of each operand from its start, for every run.
  /// The outputs follow each other.
  var offsets: [[Int]] = []

  /// The step, or nil where oneDNN has no implementation.
  func prepare(_ context: CPUContext) -> CPUStep? {
    guard OneDNN.useOneThread() else { return nil }
    var fused = OneDNN.PostOperations(sum: residual != nil)
    var separate = FusedActivation.none
    var repeats = false
    switch activation {
    case .none: break
    case .relu:
      fused.activation = (dnnl_eltwise_relu, residual == nil ? 0 : .leastNonzeroMagnitude, 0)
      repeats = residual == nil
    case .clip(let low, let high):
      if residual == nil {
        fused.activation = (dnnl_eltwise_clip, low, high)
        repeats = true
      } else {
        separate = activation
      }
    }
    guard let operation = try? context.shared.object(key, make: { try make(fused) }) else { return nil }
    context.scratch.reserve(operation.scratchBytes)
    let main = BoundOperation(operation, step: self, scratch: context.scratch)
    let plain = repeats ? PlainOperation(step: self) : nil
    return { memory in
      if let residual, memory.address(residual) != memory.address(output) {
        memcpy(memory.address(output), memory.address(residual), memory.list[output].byteCount)
      }
      let sawInvalid = main.run(memory)
      if let plain, sawInvalid {
        plain.run(memory)
        Activation.apply(activation, to: output, memory)
      } else {
        Activation.apply(separate, to: output, memory)
      }
    }
  }
}

/// An operation bound to one instance's memory on its first run.
private final class BoundOperation {
  private let operation: OneDNNOperation
  private let step: OneDNNStep
  private let scratch: Scratch
  private var call: OneDNNCall?
  private var moving: [(memory: OneDNNMemory, base: UnsafeMutableRawPointer, elementSize: Int)] = []

  init(_ operation: OneDNNOperation, step: OneDNNStep, scratch: Scratch) {
    self.operation = operation
    self.step = step
    self.scratch = scratch
  }

  /// Runs with denormals flushed; returns true if the invalid-operation flag went up.
  func run(_ memory: HostMemory) -> Bool {
    do throws(OneDNNError) {
      if call == nil { call = try bind(memory) }
      let call = call!
      let state = csimd_flush_denormals()
      defer { _ = csimd_restore(state) }
      if step.offsets.isEmpty { try call.execute() }
      for (run, offsets) in step.offsets.enumerated() {
        let (result, base, elementSize) = moving[moving.count - 1]
        let distance = memory.list[step.output].count / step.offsets.count * run * elementSize
        dnnl_memory_set_data_handle(result.handle, base + distance)
        for (operand, offset) in zip(moving.dropLast(), offsets) {
          dnnl_memory_set_data_handle(operand.memory.handle, operand.base + offset * operand.elementSize)
        }
        try call.execute()
      }
      return csimd_restore(state) != 0
    } catch {
      fatalError("the step \(step.key) cannot go on: \(error.description)")
    }
  }

  private func bind(_ memory: HostMemory) throws(OneDNNError) -> OneDNNCall {
    let made = try OneDNNCall(operation, scratch: scratch)
    let output = (argument: DNNL_ARG_DST, query: dnnl_query_dst_md, value: step.output)
    for (argument, query, value) in step.operands + [output] {
      let operand = try OneDNNMemory(operation.wanted(query), at: memory.address(value))
      try made.bind(argument, operand)
      moving.append((operand, memory.address(value), memory.list[value].type.size))
    }
    return made
  }
}

/// The same step without its activation, made when a NaN first asks for it.
private final class PlainOperation {
  private let step: OneDNNStep
  private var bound: BoundOperation?

  init(step: OneDNNStep) { self.step = step }

  func run(_ memory: HostMemory) {
    if bound == nil {
      let scratch = Scratch()
      do throws(OneDNNError) {
        let operation = try step.make(OneDNN.PostOperations(sum: step.residual != nil))
        scratch.reserve(operation.scratchBytes)
        bound = BoundOperation(operation, step: step, scratch: scratch)
      } catch {
        fatalError("the step \(step.key) cannot go on: \(error.description)")
      }
    }
    _ = bound!.run(memory)
  }
}

/// Activations as steps of their own, in place; NaN stays NaN.
enum Activation {
  static func apply(_ activation: FusedActivation, to value: Value, _ memory: HostMemory) {
    let (low, high): (Float, Float)
    switch activation {
    case .none: return
    case .relu: (low, high) = (0, .infinity)
    case .clip(let from, let to): (low, high) = (from, to)
    }
    switch memory.list[value].type {
    case .float32:
      let numbers = memory.elements(value, as: Float.self)
      csimd_clip(numbers.baseAddress, numbers.count, low, high)
    case .bfloat16:
      let numbers = memory.elements(value, as: UInt16.self)
      csimd_clip_bfloat16(numbers.baseAddress, numbers.count, low, high)
    default: memory.storeFloats(memory.loadFloats(value).map { activation($0) }, to: value)
    }
  }
}
