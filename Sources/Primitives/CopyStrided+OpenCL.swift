import Compute
import Tensors

extension CopyStrided {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    let count = extents.reduce(1, *)
    if count == 0 { return [] }
    let type =
      switch list[output].type.size {
      case 1: "uchar"
      case 2: "ushort"
      case 4: "uint"
      default: "ulong"
      }
    let box = StridedBox(extents: extents, strides: [inputStrides, outputStrides])
    let defines = [KernelLaunch.Define("ELEMENT", type)]
    let operands: [KernelLaunch.Argument] = [
      .value(input), .value(output), .geometry(box.geometry([inputOffset, outputOffset])), .int(box.extents.count),
    ]
    if traits.usesVectors && box.extents[box.extents.count - 1] >= 4 {
      let (run, size) = box.rows()
      return [
        .single(
          "movement/copy_strided.cl", "copy_rows", defines: defines, over: size, arguments: operands + [.long(run)])
      ]
    }
    return [
      .elements(
        "movement/copy_strided.cl", "copy_elements", defines: defines, count: count, traits,
        arguments: operands + [.uint64(UInt64(count))])
    ]
  }
}
