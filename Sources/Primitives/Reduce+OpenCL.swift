import Compute
import Tensors

extension Reduce {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    try list.requireFloat32(input, output, step: Self.name)
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
        source, "reduce_elements", count: count, traits, group: traits.rowGroup,
        arguments: operands + [
          .uint64(UInt64(count)), .uint64(UInt64(length)), .uint64(UInt64(inner)), .int(code),
        ])
    ]
  }
}
