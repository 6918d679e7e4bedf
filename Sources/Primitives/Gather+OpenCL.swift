import Compute
import Tensors

extension Gather {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    let storage = try list.storage(["STORED": output, "DATA": data], step: Self.name)
    let count = list[output].count
    return [
      .elements(
        "movement/gather.cl", "gather",
        defines: [.init("INDEX", list[indices].type == .int32 ? "int" : "long")] + storage, count: count, traits,
        arguments: [
          .value(data), .value(indices), .value(output), .uint64(UInt64(count)), .uint64(UInt64(length)),
          .uint64(UInt64(inner)), .uint64(UInt64(list[indices].count)),
        ])
    ]
  }
}
