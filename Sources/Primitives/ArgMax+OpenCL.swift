import Compute
import Tensors

extension ArgMax {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    let storage = try list.storage(["STORED": logits], step: Self.name)
    let traits = traits.reading(storage)
    let source = "reductions/arg_max.cl"
    if traits.usesTiles && traits.maximumWorkGroup >= 64 {
      return [
        KernelLaunch(
          source, "arg_max_group", arguments: [.value(logits), .value(output), .int(classes)],
          globalSize: [rows * 64], localSize: [64])
      ]
    }
    return [
      .elements(
        source, "arg_max_rows", defines: storage, count: rows, traits, group: traits.rowGroup,
        arguments: [.value(logits), .value(output), .uint64(UInt64(rows)), .int(classes)])
    ]
  }
}
