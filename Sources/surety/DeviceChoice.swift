import CPUCompute
import Certificates
import Compute
import Graphs
import OpenCLCompute
import Verification

/// The device or devices that `--device` names, with its options.
struct DeviceChoice {
  private let name: String
  private let memory: Int?
  private let threads: Int?

  /// What `--memory` allows; nil where the user names no limit.
  var memoryLimit: Int? { memory }

  /// The choice of a command line; `--isa` takes effect here, before any device exists.
  init(_ options: ComputeOptions) throws {
    try self.init(name: options.device, memory: options.memory, isa: options.isa)
  }

  /// - Parameter threads: of the CPU device; nil: one for each processor.
  init(name: String, memory: String? = nil, isa: String? = nil, threads: Int? = nil) throws {
    self.name = name.lowercased()
    self.memory = try memory.map(Self.bytes)
    self.threads = threads
    if let isa {
      guard let set = InstructionSet(rawValue: isa.uppercased()) else {
        throw UserError(
          "--isa '\(isa)' is unknown; choose one of "
            + InstructionSet.allCases.map { $0.rawValue.lowercased() }.joined(separator: ", ") + ".")
      }
      try CPUDevice.pin(isa: set)
    }
  }

  /// Opens the device. auto: the first GPU that OpenCL finds, else the CPU.
  func device() throws -> any Device {
    switch name {
    case "cpu": return cpu
    case "auto":
      if let gpu = (try? OpenCLDevice.all())?.first(where: { $0.kind == .gpu }) { return gpu }
      return cpu
    case "opencl": return try OpenCLDevice.device(0)
    case "opencl:all", "all":
      throw UserError(
        "--device \(name) means several devices at once, which only smooth certify uses; choose auto, cpu, opencl or "
          + "opencl:N here (surety devices lists them).")
    default:
      if name.hasPrefix("opencl:"), let index = Int(name.dropFirst("opencl:".count)), index >= 0 {
        return try OpenCLDevice.device(index)
      }
      throw UserError(
        "--device must be auto, cpu, opencl, opencl:N or, for smooth certify, opencl:all or all, not '\(name)'; surety "
          + "devices lists them.")
    }
  }

  /// The device at hand that is most like the one of a classifier: of its kind, and equal or of its name if possible.
  static func device(like classifier: ClassifierIdentity) throws -> any Device {
    guard classifier.deviceKind == "opencl" else { return try DeviceChoice(name: classifier.deviceKind).device() }
    let all = try OpenCLDevice.all()
    let sameName = all.filter { $0.identity.name == classifier.deviceName }
    return sameName.first { $0.identity.variant == classifier.variant && $0.identity.software == classifier.software }
      ?? sameName.first ?? all[0]
  }

  /// The devices that a run may use side by side: those of `opencl:all` and `all`, or the one that is named.
  ///
  /// OpenCL on the processor counts where there is no GPU. The CPU comes last.
  func devices() throws -> [any Device] {
    switch name {
    case "opencl:all": return try Self.openCLDevices()
    case "all":
      var devices: [any Device] = []
      do { devices = try Self.openCLDevices() } catch DeviceError.unavailable(let reason) {
        Terminal.message("Note: \(reason). --device all is the CPU alone.")
      }
      return devices + [cpu]
    default: return [try device()]
    }
  }

  private static func openCLDevices() throws(DeviceError) -> [OpenCLDevice] {
    let all = try OpenCLDevice.all()
    let gpus = all.filter { $0.kind == .gpu }
    return gpus.isEmpty ? all : gpus
  }

  /// The device that searches may use beside the CPU. auto: a GPU, looked for once a search takes long.
  func verificationDevice() throws -> VerificationDevice? {
    switch name {
    case "cpu": nil
    case "auto": VerificationDevice { try OpenCLDevice.all().first { $0.kind == .gpu } }
    default: VerificationDevice(try device())
    }
  }

  private var cpu: CPUDevice { CPUDevice(.init(concurrency: threads, memory: memory)) }

  /// Samples in one pass where the user names no number: enough to keep the device busy, small enough for its caches.
  ///
  /// On two Zen 4 cores ResNet-50 in bfloat16 is 4 % faster by two samples than by eight, MobileNetV2 3 % slower by two
  /// than by four. The number is part of the classifier's identity, so it depends on the model alone.
  static func defaultBatch(_ device: any Device, _ graph: Graph) throws -> Int {
    if let device = device as? OpenCLDevice { return device.kind == .gpu ? 128 : 4 }
    return try graph.describe().multiplyAddsPerSample >= 1_000_000_000 ? 2 : 4
  }

  /// A size with an optional unit: 4G, 512M, 100000.
  private static func bytes(_ text: String) throws -> Int {
    let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
    var digits = text.uppercased()
    if digits.hasSuffix("B") { digits.removeLast() }
    var factor = 1
    if let last = digits.last, let unit = units[last] {
      factor = unit
      digits.removeLast()
    }
    guard let number = Double(digits), number > 0, number * Double(factor) < 1e15 else {
      throw UserError("--memory must be a size such as 4G or 512M, not '\(text)'.")
    }
    return Int(number * Double(factor))
  }
}
