import Compute
import Tensors

extension Softmax {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    let storage = try list.storage(["STORED": output], step: Self.name)
    let traits = traits.reading(storage)
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
        source, "softmax_elements", defines: storage, count: count, traits, group: traits.rowGroup,
        arguments: operands + [.uint64(UInt64(count)), .uint64(UInt64(length)), .uint64(UInt64(inner))])
    ]
  }
}
