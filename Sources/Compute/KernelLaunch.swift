import Tensors

/// One OpenCL kernel launch as plain data, without OpenCL types.
public struct KernelLaunch: Sendable {
  public enum Argument: Sendable {
    case value(Value)
    /// A constant in the layout that this kernel wants (packed filters, tables); uploaded once per prepared list.
    case packed(Tensor)
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

  public init(
    kind: Kind, rungs: Set<Rung>, maximumWorkGroup: Int, localMemory: Int, hasDouble: Bool, computeUnits: Int,
    vectorWidth: Int = 16
  ) {
    self.kind = kind
    self.rungs = rungs
    self.maximumWorkGroup = maximumWorkGroup
    self.localMemory = localMemory
    self.hasDouble = hasDouble
    self.computeUnits = computeUnits
    self.vectorWidth = vectorWidth
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
}
