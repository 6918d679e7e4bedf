// Definition of the strided copy, element by element.

import Compute
import Tensors

extension CopyStrided {
  public func validate(_ list: CommandList) throws(ShapeError) {
    let name = Self.name
    try list.requireSameType(input, output, name)
    try require(
      extents.count <= 6 && inputStrides.count == extents.count && outputStrides.count == extents.count
        && extents.allSatisfy { $0 >= 1 },
      "\(name) expects at most six dimensions of positive extent and a stride for each, not \(extents), "
        + "\(inputStrides) and \(outputStrides)")
    let from = reach(extents, inputStrides, offset: inputOffset)
    let to = reach(extents, outputStrides, offset: outputOffset)
    try require(
      from.lowerBound >= 0 && from.upperBound < list[input].count,
      "\(name) reads elements \(from) of \(list.spell(input)), which has \(list[input].count)")
    try require(
      to.lowerBound >= 0 && to.upperBound < list[output].count,
      "\(name) writes elements \(to) of \(list.spell(output)), which has \(list[output].count)")
  }

  public func reference(_ memory: HostMemory) {
    switch memory.list[input].type.size {
    case 1: copy(memory, UInt8.self)
    case 2: copy(memory, UInt16.self)
    case 4: copy(memory, UInt32.self)
    default: copy(memory, UInt64.self)
    }
  }

  private func copy<Element: BitwiseCopyable>(_ memory: HostMemory, _ type: Element.Type) {
    let source = memory.elements(input, as: type)
    let target = memory.elements(output, as: type)
    forEachIndex(extents) { index in
      target[outputOffset + place(index, outputStrides)] = source[inputOffset + place(index, inputStrides)]
    }
  }
}
