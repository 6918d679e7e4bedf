import Compute
import Tensors

extension NormalizeRows {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    let storage = try list.storage(["STORED": output], step: Self.name)
    let traits = traits.reading(storage)
    let operands: [KernelLaunch.Argument] = [.value(input), .optional(scale), .optional(shift), .value(output)]
    let source = "reductions/normalize_rows.cl"
    let tail: [KernelLaunch.Argument] = [.int(columns), .float32(epsilon)]
    if traits.usesVectors {
      return [.single(source, "normalize_rows", over: [rows], arguments: operands + tail)]
    }
    if traits.usesTiles && traits.maximumWorkGroup >= 64 {
      return [
        KernelLaunch(
          source, "normalize_group", arguments: operands + tail, globalSize: [rows * 64], localSize: [64])
      ]
    }
    return [
      .elements(
        source, "normalize_elements", defines: storage, count: rows, traits, group: traits.rowGroup,
        arguments: operands + [.uint64(UInt64(rows))] + tail)
    ]
  }
}
