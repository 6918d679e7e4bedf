// A device of an OpenCL platform: what it is, what it may run, and how lists are prepared for it.

import COpenCL
import Compute
import Hashing
import Synchronization
import Tensors

/// An OpenCL device.
///
/// It runs any command list whose primitives have launches. A kernel variant ("rung") beyond the reference kernels is
/// used only after it passed its numeric self-test on this device and driver; the result is cached on disk.
public final class OpenCLDevice: Device {
  /// The device's number in `OpenCLDevice.all()`.
  public let index: Int
  /// The device's own name.
  public let name: String
  /// The platform's name and version.
  public let platformName: String
  public let driverVersion: String
  public let kind: DeviceTraits.Kind
  /// Bytes of device memory.
  public let memory: Int
  /// The greatest number of bytes in one buffer.
  public let maximumBuffer: Int
  public let computeUnits: Int
  /// NVIDIA's compute capability as 10 major + minor; 0 on other devices.
  public let computeCapability: Int

  private let handle: DeviceHandle
  private let lazyAdmission = Mutex<KernelAdmission?>(nil)
  private let limit = Mutex<Set<Rung>>(Set(Rung.allCases))
  private let opened = Mutex<Opened?>(nil)
  private let binaryFolder: Mutex<String?>

  /// What is made at the first preparation.
  struct Opened: @unchecked Sendable {
    let context: Context
    let programs: ProgramStore
    let uploads: Queue
    let device: cl_device_id
    let deviceName: String
    let measuresTiles: Bool
  }

  init(platform: cl_platform_id, device: cl_device_id, index: Int) {
    self.index = index
    handle = DeviceHandle(object: device)
    name = text(device, CL_DEVICE_NAME)
    platformName = platformText(platform, CL_PLATFORM_NAME) + " " + platformText(platform, CL_PLATFORM_VERSION)
    driverVersion = text(device, CL_DRIVER_VERSION)
    kind = Self.isCPU(device) ? .cpu : .gpu
    // PoCL has a cache of its own, and asking it for a binary compiles every kernel of the program at once (seconds).
    binaryFolder = Mutex(
      platformName.hasPrefix("Portable Computing Language") ? nil : CacheFolder.path("kernels"))
    memory = Int(clamping: number(device, CL_DEVICE_GLOBAL_MEM_SIZE, as: cl_ulong.self))
    maximumBuffer = Int(clamping: number(device, CL_DEVICE_MAX_MEM_ALLOC_SIZE, as: cl_ulong.self))
    computeUnits = Int(number(device, CL_DEVICE_MAX_COMPUTE_UNITS, as: cl_uint.self))
    let isNVIDIA = number(device, CL_DEVICE_VENDOR_ID, as: cl_uint.self) == 0x10de
    // CL_DEVICE_COMPUTE_CAPABILITY_MAJOR_NV and _MINOR_NV.
    let major = isNVIDIA ? number(device, 0x4000, as: cl_uint.self) : 0
    computeCapability = major == 0 ? 0 : Int(major) * 10 + Int(number(device, 0x4001, as: cl_uint.self))
  }

  /// Platform, device and driver with their versions: what compiled programs depend on.
  public var fullName: String {
    "\(platformName), \(name), \(text(handle.object, CL_DEVICE_VERSION)), driver \(driverVersion)"
  }

  /// Activations may be stored in 16 bits on every device; arithmetic on them is binary32 (prelude.cl).
  public var precisions: [Precision] { [.float32, .bfloat16, .float16] }
  /// Two queues keep a GPU busy while the host prepares a batch; a CPU device already uses all its cores for one.
  public var concurrency: Int { kind == .gpu ? 2 : 1 }

  public var identity: DeviceIdentity {
    let names = rungs.map(\.rawValue).sorted().joined(separator: "+")
    return DeviceIdentity(
      kind: "opencl", name: name, software: "\(platformName), driver \(driverVersion)",
      variant: "\(names), \(vectorWidth) lanes, kernels \(KernelText.digest.prefix(16))")
  }

  /// The kernel variants that passed their self-test here; the first call may run the test (seconds).
  public var rungs: Set<Rung> { admission.rungs }

  /// The rungs and tiles that passed, within the limit.
  var admission: KernelAdmission {
    var passed = lazyAdmission.withLock { admission in
      if let admission { return admission }
      let passed = RungSelfTest.passed(self)
      admission = passed
      return passed
    }
    passed.rungs.formIntersection(limit.withLock { $0 })
    return passed
  }

  /// Keeps to some rungs from now on, among those that pass; benchmarks compare rungs so.
  package func keep(to rungs: Set<Rung>) { limit.withLock { $0 = rungs.union([.reference]) } }

  /// What kernel choices depend on, with the rungs that passed here.
  public var traits: DeviceTraits { traits(rungs: admission.rungs, tiles: admission.tiles) }

  /// What kernel choices depend on, with any set of rungs; tests and the self-test compare variants.
  ///
  /// - Parameters:
  ///   - kind: pretends to be another kind of device, so that PoCL can try the kernels for GPUs.
  ///   - vectorWidth: pretends to have other registers.
  ///   - computeCapability: pretends to be another NVIDIA device, whose kernels PoCL emulates.
  ///   - tiles: the tiles to choose from; nil for all.
  package func traits(
    rungs: Set<Rung>, as kind: DeviceTraits.Kind? = nil, vectorWidth: Int? = nil, computeCapability: Int? = nil,
    tiles: Set<String>? = nil
  ) -> DeviceTraits {
    DeviceTraits(
      kind: kind ?? self.kind, rungs: rungs,
      maximumWorkGroup: number(handle.object, CL_DEVICE_MAX_WORK_GROUP_SIZE, as: Int.self),
      localMemory: Int(clamping: number(handle.object, CL_DEVICE_LOCAL_MEM_SIZE, as: cl_ulong.self)),
      hasDouble: number(handle.object, CL_DEVICE_DOUBLE_FP_CONFIG, as: cl_ulong.self) != 0,
      computeUnits: computeUnits, vectorWidth: vectorWidth ?? self.vectorWidth,
      computeCapability: computeCapability ?? self.computeCapability, tiles: tiles)
  }

  /// The binary32 lanes of the device's registers.
  var vectorWidth: Int {
    Int(number(handle.object, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, as: cl_uint.self))
  }

  public func prepare(_ list: CommandList, instances: Int) async throws(DeviceError) -> [any PreparedList] {
    // Compilers take seconds; they run on a thread of their own, not on one of Swift's pool.
    try await Worker().perform { [self] () -> Result<[any PreparedList], DeviceError> in
      do throws(DeviceError) {
        return .success(try prepare(list, instances: instances, traits: traits))
      } catch { return .failure(error) }
    }.get()
  }

  /// Prepares with a given choice of kernels.
  package func prepare(
    _ list: CommandList, instances: Int, traits: DeviceTraits
  ) throws(DeviceError) -> [OpenCLPreparedList] {
    let plan = try ListPlan(list, traits, try open())
    try checkMemory(list, plan, instances: instances)
    let constants = try plan.uploadConstants()
    var result: [OpenCLPreparedList] = []
    for _ in 0..<instances { result.append(try OpenCLPreparedList(plan, constants, handle.object)) }
    return result
  }

  /// How many programs were built from source and how many came from the disk cache.
  package var programOrigins: (source: Int, disk: Int) {
    let origins = opened.withLock { $0 }?.programs.origins ?? [:]
    return (origins[.source] ?? 0, origins[.disk] ?? 0)
  }

  /// Chooses the folder of compiled programs, for tests; before the first preparation.
  package func keepBinaries(in folder: String) { binaryFolder.withLock { $0 = folder } }

  /// Builds kernel text for tests of the error path.
  package func buildForTest(_ text: String) throws(DeviceError) {
    _ = try open().programs.build(text: text, name: "test", defines: [])
  }

  private func open() throws(DeviceError) -> Opened {
    let result: Result<Opened, DeviceError> = opened.withLock { opened in
      if let opened { return .success(opened) }
      do throws(DeviceError) {
        let context = try Context(handle.object)
        let made = Opened(
          context: context,
          programs: ProgramStore(
            context, handle.object, deviceName: fullName, baseOptions: buildOptions, compilesPTX: computeCapability > 0,
            folder: binaryFolder.withLock { $0 }),
          uploads: try Queue(context, handle.object), device: handle.object, deviceName: fullName,
          measuresTiles: computeCapability > 0)
        opened = made
        return .success(made)
      } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// What every program is built with; NVIDIA makes nvidia/ptx.cl use the device's own instructions.
  private var buildOptions: String {
    (kind == .gpu ? "-DGPU=1" : "") + (computeCapability >= 80 ? " -DNVIDIA=\(computeCapability)" : "")
  }

  private func checkMemory(_ list: CommandList, _ plan: ListPlan, instances: Int) throws(DeviceError) {
    let needed = (plan.memory.instanceBytes + plan.scratchBytes) * instances + plan.constantBytes
    if needed > memory {
      throw .outOfMemory(
        "\(instances) instances of this network need \(needed >> 20) MiB, and the OpenCL device \(name) has "
          + "\(memory >> 20) MiB; use a smaller batch")
    }
    if let largest = (plan.memory.slotBytes + [plan.scratchBytes]).max(), largest > maximumBuffer {
      throw .outOfMemory(
        "this network needs a buffer of \(largest >> 20) MiB, and the OpenCL device \(name) allows "
          + "\(maximumBuffer >> 20) MiB in one; use a smaller batch")
    }
  }

  /// A device is never released (OpenCL 1.2 root devices), and its queries are thread-safe.
  private struct DeviceHandle: @unchecked Sendable {
    let object: cl_device_id
  }
}
