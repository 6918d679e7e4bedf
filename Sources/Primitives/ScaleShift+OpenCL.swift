import Compute
import Tensors

extension ScaleShift {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    let storage = try list.storage(["STORED": output], step: Self.name)
    let traits = traits.reading(storage)
    let operands: [KernelLaunch.Argument] = [.value(input), .value(scale), .value(shift), .value(output)]
    if traits.usesVectors && channels >= 16 {
      return [
        .single(
          "elementwise/scale_shift.cl", "scale_shift_rows", over: [rows],
          arguments: operands + [.int(channels)] + activation.launchArguments)
      ]
    }
    return [
      .elements(
        "elementwise/scale_shift.cl", "scale_shift", defines: storage, count: rows * channels, traits,
        arguments: operands + [.uint64(UInt64(rows * channels)), .int(channels)] + activation.launchArguments)
    ]
  }
}
