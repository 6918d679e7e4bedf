import Compute
import Tensors

extension Pool {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    let storage = try list.storage(["STORED": output], step: Self.name)
    let traits = traits.reading(storage)
    let shape = list[input].shape
    let result = list[output].shape
    let (height, width, channels) = (shape[1], shape[2], shape[3])
    let geometry: [KernelLaunch.Argument] = [
      .int(height), .int(width), .int(channels), .int(result[1]), .int(result[2]), .int(window.rows),
      .int(window.columns), .int(window.strideRows), .int(window.strideColumns), .int(window.dilationRows),
      .int(window.dilationColumns), .int(window.top), .int(window.left), .int(height + window.top + window.bottom),
      .int(width + window.left + window.right), .int(kind == .maximum ? 1 : 0), .int(countIncludePadding ? 1 : 0),
    ]
    if traits.usesVectors && channels >= 8 {
      return [
        .single(
          "reductions/pool.cl", "pool_rows", over: [quotient(channels, 16), result[0] * result[1]],
          arguments: [.value(input), .value(output)] + geometry)
      ]
    }
    let count = list[output].count
    return [
      .elements(
        "reductions/pool.cl", "pool_elements", defines: storage, count: count, traits,
        arguments: [.value(input), .value(output), .uint64(UInt64(count))] + geometry)
    ]
  }
}
