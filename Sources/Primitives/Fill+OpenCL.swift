import Compute
import Tensors

extension Fill {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    let storage = try list.storage(["STORED": output], step: Self.name)
    let count = list[output].count
    return [
      .elements(
        "elementwise/fill.cl", "fill", defines: storage, count: count, traits,
        arguments: [.value(output), .uint64(UInt64(count)), .float32(number)])
    ]
  }
}
