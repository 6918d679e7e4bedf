import Compute
import Tensors

extension ConvolveTransposed {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    let storage = try list.storage(["STORED": output], step: Self.name)
    let count = list[output].count
    return [
      .elements(
        "dense/convolve_transposed.cl", "convolve_transposed", defines: storage, count: count, traits,
        arguments: [.value(input), .value(filter), .optional(bias), .value(output), .uint64(UInt64(count))]
          + window.launchGeometry(list[input].shape, list[output].shape) + [.int(groups)]
          + activation.launchArguments)
    ]
  }
}

extension Window {
  /// Image and window numbers in the order of the direct kernels.
  func launchGeometry(_ input: [Int], _ output: [Int]) -> [KernelLaunch.Argument] {
    [
      .int(input[1]), .int(input[2]), .int(input[3]), .int(output[1]), .int(output[2]), .int(output[3]), .int(rows),
      .int(columns), .int(strideRows), .int(strideColumns), .int(dilationRows), .int(dilationColumns), .int(top),
      .int(left),
    ]
  }
}
