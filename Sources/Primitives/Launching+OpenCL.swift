// What the OpenCL launches of all primitives share: launch sizes, argument spelling, the element types that exist there.

import Compute
import Tensors

extension FusedActivation {
  /// The bounds that `activate` in prelude.cl applies; infinite where there is none.
  var bounds: (low: Float, high: Float) {
    switch self {
    case .none: (-.infinity, .infinity)
    case .relu: (0, .infinity)
    case .clip(let low, let high): (low, high)
    }
  }

  var launchArguments: [KernelLaunch.Argument] { [.float32(bounds.low), .float32(bounds.high)] }
}

extension KernelLaunch.Argument {
  static func int(_ number: Int) -> Self { .int32(Int32(number)) }
  static func long(_ number: Int) -> Self { .uint64(UInt64(bitPattern: Int64(number))) }
  static func optional(_ value: Value?) -> Self { value.map { .value($0) } ?? .none }

  /// 64-bit integers as a small buffer: strides and extents.
  static func geometry(_ numbers: [Int]) -> Self {
    .packed(Tensor(shape: [numbers.count], type: .int64, elements: numbers.map { Int64($0) }))
  }
}

extension DeviceTraits {
  /// Whether to use the explicit-vector kernels.
  var usesVectors: Bool { kind == .cpu && rungs.contains(.vector) }
  /// Whether to use the tiled kernels.
  var usesTiles: Bool { kind == .gpu && rungs.contains(.tiled) }

  /// The same device restricted to the kernels that read every storage type, unless all operands are float32.
  func reading(_ storage: [KernelLaunch.Define]) -> DeviceTraits {
    if storage.isEmpty { return self }
    return DeviceTraits(
      kind: kind, rungs: [.reference], maximumWorkGroup: maximumWorkGroup, localMemory: localMemory,
      hasDouble: hasDouble, computeUnits: computeUnits, vectorWidth: vectorWidth)
  }

  /// Whether this tile alone is asked for, as self-tests and tests do.
  func isForced(_ tile: String) -> Bool { tiles == [tile] }

  /// What convolve_vector.cl must know of the registers.
  var vectorDefines: [KernelLaunch.Define] { [.init("LANES", vectorWidth >= 16 ? 16 : 8)] }

  /// The work-group size of one-item-per-element kernels.
  var elementGroup: Int { min(256, maximumWorkGroup) }
  /// The work-group size of one-item-per-row kernels.
  var rowGroup: Int { min(kind == .cpu ? 8 : 64, maximumWorkGroup) }
}

extension KernelLaunch {
  /// One item for each of `count` elements; the kernel checks its index against the count.
  static func elements(
    _ source: String, _ function: String, defines: [Define] = [], count: Int, _ traits: DeviceTraits,
    group: Int? = nil, arguments: [Argument]
  ) -> KernelLaunch {
    let local = group ?? traits.elementGroup
    let groups = max(1, (count + local - 1) / local)
    return KernelLaunch(
      source, function, defines: defines, arguments: arguments, globalSize: [groups * local], localSize: [local])
  }

  /// One work-group of one item for each index of a box: the shape of the explicit-vector kernels.
  static func single(
    _ source: String, _ function: String, defines: [Define] = [], over size: [Int], arguments: [Argument]
  ) -> KernelLaunch {
    KernelLaunch(
      source, function, defines: defines, arguments: arguments, globalSize: size,
      localSize: Array(repeating: 1, count: size.count))
  }
}

extension CommandList {
  /// The definitions that tell a kernel how its operands are stored (prelude.cl): one for each that is not float32.
  ///
  /// Types that are no activations are refused with a sentence.
  func storage(_ operands: KeyValuePairs<String, Value>, step: String) throws(ShapeError) -> [KernelLaunch.Define] {
    var defines: [KernelLaunch.Define] = []
    for (name, value) in operands where self[value].type != .float32 {
      guard self[value].type.isActivation else {
        throw ShapeError(
          "\(step) on OpenCL computes on float32, bfloat16 or float16 numbers, and \"\(self[value].name)\" is "
            + "\(self[value].type.rawValue); choose the CPU device")
      }
      defines.append(.init(name, self[value].type.rawValue))
    }
    return defines
  }

  /// The elements of a float32 constant, through views.
  func constantFloats(_ value: Value, step: String) throws(ShapeError) -> Tensor {
    guard case .constant(let tensor) = self[owner(of: value)].kind, tensor.type == .float32 else {
      throw ShapeError("\(step) on OpenCL expects a float32 constant in \"\(self[value].name)\"")
    }
    return tensor
  }
}

/// Rounded-up quotient.
func quotient(_ count: Int, _ size: Int) -> Int { (count + size - 1) / size }
