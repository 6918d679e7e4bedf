import Tensors

/// One OpenCL kernel launch as plain data, without OpenCL types.
public struct KernelLaunch: Sendable {
  public enum Argument: Sendable {
    case value(Value)
    /// A constant in the layout that this kernel wants (packed filters, tables); uploaded once per prepared list.
    case packed(Tensor)
    /// Working memory of this many bytes, not kept beyond the launches of one step.
    case scratch(Int)
    /// A NULL buffer.
    case none
    case int32(Int32)
    case uint32(UInt32)
    case uint64(UInt64)
    case float32(Float)
    /// Only for kernels of devices with binary64 (`DeviceTraits.hasDouble`).
    case float64(Double)
  }

  /// The kernel file below `Kernels/`, for example "dense/convolve_direct.cl".
  public var source: String
  /// The function in that file.
  public var function: String
  /// Compile-time definitions, in a fixed order.
  public var defines: [Define]
  public var arguments: [Argument]
  public var globalSize: [Int]
  public var localSize: [Int]
  /// Names the tile where a kernel has several, for the self-test and the certificate; empty elsewhere.
  public var tile = ""
  /// How the compiled text is changed before it runs.
  public var edit = ProgramEdit.none
  /// Launches of other tiles that compute the same values; the device may measure them and take the fastest.
  public var alternatives: [KernelLaunch] = []

  public struct Define: Sendable, Hashable {
    public let name: String
    public let value: String

    public init(_ name: String, _ value: Int) {
      self.name = name
      self.value = String(value)
    }

    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  public init(
    _ source: String, _ function: String, defines: [Define] = [], arguments: [Argument], globalSize: [Int],
    localSize: [Int]
  ) {
    self.source = source
    self.function = function
    self.defines = defines
    self.arguments = arguments
    self.globalSize = globalSize
    self.localSize = localSize
  }
}

/// A change to a program's PTX text between compiler and assembler, on NVIDIA devices only: OpenCL has no option that
/// names a target or the number of work-groups a compute unit should hold.
public struct ProgramEdit: Sendable, Hashable {
  /// Compile for the target with the architecture's own instructions (sm_90a), and make the marked instructions real.
  public var usesArchitecture: Bool
  /// At least this many work-groups of the kernel to a compute unit, which caps its registers; nil for no wish.
  public var groupsPerUnit: Int?

  public init(usesArchitecture: Bool = false, groupsPerUnit: Int? = nil) {
    self.usesArchitecture = usesArchitecture
    self.groupsPerUnit = groupsPerUnit
  }

  public static let none = ProgramEdit()
}

/// What a kernel choice may depend on. A CPU that runs OpenCL (PoCL) wants other kernels than a GPU.
public struct DeviceTraits: Sendable, Hashable {
  public enum Kind: String, Sendable, Codable { case cpu, gpu }

  public let kind: Kind
  /// Rungs that passed their self-test here, beside the reference kernels, which always may run.
  public let rungs: Set<Rung>
  public let maximumWorkGroup: Int
  public let localMemory: Int
  public let hasDouble: Bool
  public let computeUnits: Int
  /// The binary32 lanes of one register: 16 for AVX-512, 8 for AVX2.
  public let vectorWidth: Int
  /// NVIDIA's compute capability as 10 major + minor, 90 for 9.0; 0 on other devices.
  public let computeCapability: Int
  /// The tiles that passed their self-test here, by name; nil for all, in tests.
  public let tiles: Set<String>?

  public init(
    kind: Kind, rungs: Set<Rung>, maximumWorkGroup: Int, localMemory: Int, hasDouble: Bool, computeUnits: Int,
    vectorWidth: Int = 16, computeCapability: Int = 0, tiles: Set<String>? = []
  ) {
    self.kind = kind
    self.rungs = rungs
    self.maximumWorkGroup = maximumWorkGroup
    self.localMemory = localMemory
    self.hasDouble = hasDouble
    self.computeUnits = computeUnits
    self.vectorWidth = vectorWidth
    self.computeCapability = computeCapability
    self.tiles = tiles
  }

  /// Whether a tile may be used: its self-test passed, and its local memory fits.
  ///
  /// NVIDIA's OpenCL advertises 48 KB, but its kernels may declare what the architecture has: 227 KB on 9.0, 163 KB on
  /// 8.0 and 8.7, 99 KB elsewhere (CUDA C++ programming guide, table of technical specifications).
  public func admits(tile: String, localBytes: Int) -> Bool {
    let limit =
      switch computeCapability {
      case 90, 100..<120: 227 << 10
      case 80, 87: 163 << 10
      case 80...: 99 << 10
      default: localMemory
      }
    return localBytes <= limit && tiles?.contains(tile) != false
  }
}

/// The variants of the hot kernels, from the obvious one upward (DESIGN section 4).
public enum Rung: String, Sendable, Codable, CaseIterable {
  /// R0: direct reference kernels.
  case reference
  /// R1: portable binary32 tiles with a fused epilogue, for GPUs.
  case tiled
  /// R2: explicit vectors without local memory, for CPU devices.
  case vector
  /// R3 in binary32: tiles whose operands are copied ahead by cp.async; NVIDIA, compute capability 8.0 and up.
  case pipelined
  /// R3 on 16-bit activations: tensor cores by mma.sync; NVIDIA, compute capability 8.0 and up.
  case tensor
  /// R4 on 16-bit activations: tensor cores by wgmma, compiled for sm_90a; NVIDIA, compute capability 9.0.
  case warpgroup

  /// The rungs that must run beside this one.
  public var base: Set<Rung> {
    switch self {
    case .reference: []
    case .tiled, .vector: [.reference]
    case .pipelined, .tensor: [.reference, .tiled]
    case .warpgroup: [.reference, .tiled, .tensor]
    }
  }
}
