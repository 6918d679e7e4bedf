import Compute
import Tensors

extension Reduce {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    let storage = try list.storage(["STORED": output], step: Self.name)
    let traits = traits.reading(storage)
    let code =
      switch operation {
      case .sum: 0
      case .mean: 1
      case .maximum: 2
      case .minimum: 3
      }
    let operands: [KernelLaunch.Argument] = [.value(input), .value(output)]
    let source = "reductions/reduce.cl"
    if traits.usesVectors && inner >= 8 {
      return [
        .single(
          source, "reduce_vector", over: [quotient(inner, 16), outer],
          arguments: operands + [.uint64(UInt64(length)), .uint64(UInt64(inner)), .int(code)])
      ]
    }
    if traits.usesTiles && inner == 1 && length >= 64 && traits.maximumWorkGroup >= 64 {
      return [
        KernelLaunch(
          source, "reduce_group", arguments: operands + [.uint64(UInt64(length)), .int(code)],
          globalSize: [outer * 64], localSize: [64])
      ]
    }
    let count = outer * inner
    return [
      .elements(
        source, "reduce_elements", defines: storage, count: count, traits, group: traits.rowGroup,
        arguments: operands + [
          .uint64(UInt64(count)), .uint64(UInt64(length)), .uint64(UInt64(inner)), .int(code),
        ])
    ]
  }
}
