import Compute
import Tensors

extension Convert {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    let from = list[input].type
    let to = list[output].type
    let needsDouble = from == .float64 || to == .float64
    if needsDouble && !traits.hasDouble {
      throw ShapeError("\(Self.name) of \(from.rawValue) to \(to.rawValue) needs binary64, which this device lacks")
    }
    var defines: [KernelLaunch.Define] = [.init("FROM", from.clName), .init("TO", to.clName)]
    let isNarrow = from == .bfloat16 || from == .float16
    if isNarrow { defines.append(.init("FROM_STORED", from.rawValue)) }
    switch to {
    case .bfloat16, .float16:
      defines += [.init("TO_STORED", to.rawValue), .init("CONVERSION", "convert_float_rte")]
    case .bool: defines.append(.init("TO_BOOL", 1))
    case .float32, .float64: defines.append(.init("CONVERSION", "convert_\(to.clName)_rte"))
    default:
      defines.append(.init("CONVERSION", "convert_\(to.clName)_sat_rtz"))
      if isNarrow || from == .float32 || from == .float64 { defines.append(.init("NAN_TO_ZERO", 1)) }
    }
    if needsDouble { defines.append(.init("NEED_DOUBLE", 1)) }
    let count = list[output].count
    return [
      .elements(
        "elementwise/convert.cl", "convert_elements", defines: defines, count: count, traits,
        arguments: [.value(input), .value(output), .uint64(UInt64(count))])
    ]
  }
}

extension ElementType {
  /// The OpenCL C type of one element.
  fileprivate var clName: String {
    switch self {
    case .float32: "float"
    case .float64: "double"
    case .bfloat16, .float16: "ushort"
    case .int8: "char"
    case .uint8, .bool: "uchar"
    case .int32: "int"
    case .uint32: "uint"
    case .int64: "long"
    case .uint64: "ulong"
    }
  }
}
