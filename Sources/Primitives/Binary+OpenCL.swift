import Compute
import Tensors

extension Binary {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    let storage = try list.storage(["STORED": output, "LEFT": left, "RIGHT": right], step: Self.name)
    let traits = traits.reading(storage)
    var dense = Array(repeating: 1, count: shape.count)
    for dimension in shape.indices.dropLast().reversed() {
      dense[dimension] = dense[dimension + 1] * shape[dimension + 1]
    }
    // The output's own strides take part in the joining, so that joined dimensions stay dense.
    let box = StridedBox(extents: shape, strides: [leftStrides, rightStrides, dense])
    let defines = [KernelLaunch.Define("OP_" + operation.rawValue, 1)] + storage
    let dimensions = box.extents.count
    let geometry = KernelLaunch.Argument.geometry(Array(box.geometry().prefix(18)))
    let operands: [KernelLaunch.Argument] = [.value(left), .value(right), .value(output), geometry, .int(dimensions)]
    let last = [box.strides[0][dimensions - 1], box.strides[1][dimensions - 1]]
    if traits.usesVectors && last.allSatisfy({ $0 == 0 || $0 == 1 }) && box.extents[dimensions - 1] >= 16 {
      let (run, size) = box.rows()
      return [
        .single(
          "elementwise/binary.cl", "binary_rows", defines: defines, over: size,
          arguments: operands + [.long(run)] + activation.launchArguments)
      ]
    }
    let count = list[output].count
    return [
      .elements(
        "elementwise/binary.cl", "binary_elements", defines: defines, count: count, traits,
        arguments: operands + [.uint64(UInt64(count))] + activation.launchArguments)
    ]
  }
}
