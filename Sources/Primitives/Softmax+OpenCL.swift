import Compute
import Tensors

extension Softmax {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    try list.requireFloat32(input, output, step: Self.name)
    let operands: [KernelLaunch.Argument] = [.value(input), .value(output)]
    let source = "reductions/softmax.cl"
    if traits.usesVectors && inner == 1 {
      return [
        .single(source, "softmax_rows", over: [outer], arguments: operands + [.uint64(UInt64(length))])
      ]
    }
    if traits.usesTiles && inner == 1 && traits.maximumWorkGroup >= 64 {
      return [
        KernelLaunch(
          source, "softmax_group", arguments: operands + [.uint64(UInt64(length))], globalSize: [outer * 64],
          localSize: [64])
      ]
    }
    let count = outer * inner
    return [
      .elements(
        source, "softmax_elements", count: count, traits, group: traits.rowGroup,
        arguments: operands + [.uint64(UInt64(count)), .uint64(UInt64(length)), .uint64(UInt64(inner))])
    ]
  }
}
