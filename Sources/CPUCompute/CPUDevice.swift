// The CPU as a device: data parallelism over instances of a command list.
//
// Each instance has the list's activations to itself and runs on one dedicated thread, on which oneDNN uses no further
// threads. So the cores never wait for each other within a step, and a sample's bits depend on nothing but its batch.

import COneDNN
import CSIMD
import Compute
import Primitives
import Tensors

/// Runs command lists on the processor, by oneDNN and vector loops, or step by step by the reference.
public final class CPUDevice: Device {
  /// How a device behaves.
  public struct Options: Sendable {
    /// Threads, and so instances that run at the same time; nil: the processors that this process may use.
    public var concurrency: Int?
    /// Bytes that prepared lists may take; nil: what the system calls available when a list is prepared.
    public var memory: Int?
    /// Runs every step by its definition: slow, for tests and the agreement table.
    public var referenceOnly: Bool
    /// Computes chains of steps at once where the processor has a faster way (`FusedPrimitive`).
    public var fusesSteps: Bool

    public init(
      concurrency: Int? = nil, memory: Int? = nil, referenceOnly: Bool = false, fusesSteps: Bool = true
    ) {
      self.concurrency = concurrency
      self.memory = memory
      self.referenceOnly = referenceOnly
      self.fusesSteps = fusesSteps
    }
  }

  public let options: Options
  public let identity: DeviceIdentity
  public let precisions: [Precision]
  public let concurrency: Int
  private let threads: [WorkerThread]
  /// What chains of steps are computed at once by.
  private let traits: ProcessorTraits

  public init(_ options: Options = Options()) {
    self.options = options
    concurrency = max(1, options.concurrency ?? HostFacts.processors)
    threads = (0..<concurrency).map { _ in WorkerThread { OneDNN.useOneThread() } }
    let version = dnnl_version().pointee
    let hash = version.hash.map { String(cString: $0) }.flatMap { $0 == "N/A" ? nil : " (\($0.prefix(12)))" } ?? ""
    traits =
      options.referenceOnly || !options.fusesSteps ? ProcessorTraits(blockTypes: []) : InstructionSet.traits
    let blocks = traits.blockTypes.isEmpty ? "" : " with blocks"
    identity = DeviceIdentity(
      kind: "cpu", name: HostFacts.processorName,
      software: options.referenceOnly
        ? "reference" : "oneDNN \(version.major).\(version.minor).\(version.patch)\(hash)",
      variant: options.referenceOnly ? "reference" : InstructionSet.effective.rawValue + blocks)
    precisions =
      [.float32] + (options.referenceOnly || InstructionSet.hasBFloat16 ? [.bfloat16] : [])
      + (options.referenceOnly || InstructionSet.hasVNNI ? [.int8] : [])
  }

  /// Holds the CPU device to an instruction set for the rest of the process; must come before the first device is made.
  public static func pin(isa: InstructionSet) throws(DeviceError) { try InstructionSet.pin(isa) }

  /// What to tell a user who chose bfloat16 where it does not pay: some processors multiply it at a third of the rate of
  /// binary32, and then only the classifier changes. Measured in some milliseconds; nil where it pays.
  public static var bfloat16Advice: String? {
    guard InstructionSet.effective != .avx512AMX else { return nil }
    let speedup = csimd_bfloat16_speedup()
    guard speedup > 0, speedup < 1.2 else { return nil }
    let ratio = Double(Int((speedup * 10).rounded())) / 10
    return "this processor multiplies bfloat16 at \(ratio) times its float32 rate, so float32 is the faster choice here"
  }

  public var memory: Int { options.memory ?? HostFacts.availableMemory }

  public func prepare(_ list: CommandList, instances: Int) async throws(DeviceError) -> [any PreparedList] {
    try checkTypes(list)
    let list = try fused(list)
    let plan = MemoryPlan(list)
    try checkMemory(plan, instances: instances)
    let threads = threads
    let referenceOnly = options.referenceOnly
    let made = await threads[0].run { () -> Result<[CPUInstance], DeviceError> in
      let shared = SharedObjects()
      var made: [CPUInstance] = []
      for index in 0..<instances {
        do {
          made.append(
            try CPUInstance(
              list, plan, shared: shared, thread: threads[index % threads.count], referenceOnly: referenceOnly))
        } catch {
          return .failure(.unsupported("The CPU device cannot prepare this network: \(error)"))
        }
      }
      return .success(made)
    }
    return try made.get()
  }

  /// The steps that run: chains computed at once where this processor is faster that way.
  package func fused(_ list: CommandList) throws(DeviceError) -> CommandList {
    do throws(ShapeError) { return try list.fused(for: traits) } catch { throw .unsupported(error.description) }
  }

  private func checkTypes(_ list: CommandList) throws(DeviceError) {
    let hasBFloat16 = precisions.contains(.bfloat16)
    if !precisions.contains(.int8), list.steps.contains(where: { $0 is QuantizedConvolve }) {
      throw .unsupported(
        "This processor has no exact int8 products under \(identity.variant) (they need AVX-512 VNNI): 16-bit sums would "
          + "saturate; run in float32.")
    }
    for description in list.values {
      if case .constant = description.kind { continue }
      if description.type == .bfloat16 && !hasBFloat16 {
        throw .unsupported(
          "This processor has no bfloat16 arithmetic under \(identity.variant) (it needs AVX-512 BF16 or AMX), and "
            + "emulating it would be slower than float32; run in float32.")
      }
      if description.type == .float16 && !options.referenceOnly {
        throw .unsupported("The CPU device computes in float32 or bfloat16, not in float16; run in float32.")
      }
    }
  }

  private func checkMemory(_ plan: MemoryPlan, instances: Int) throws(DeviceError) {
    let needed = plan.instanceBytes * instances + plan.constantBytes
    let limit = memory
    if needed > limit {
      throw .outOfMemory(
        "This network takes \(megabytes(plan.instanceBytes)) MB for each of \(instances) instances and "
          + "\(megabytes(plan.constantBytes)) MB of weights, and the CPU device may use \(megabytes(limit)) MB; "
          + "use a smaller batch or fewer instances.")
    }
  }

  private func megabytes(_ bytes: Int) -> Int { (bytes + 1_048_575) >> 20 }
}
