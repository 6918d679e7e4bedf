// Definition of the way between numbers and levels.

import Compute
import Tensors

extension Rescale {
  public func validate(_ list: CommandList) throws(ShapeError) {
    let types = (list[input].type, list[output].type)
    try require(
      (types.0 == .float32 && types.1.isLevel) || (types.0.isLevel && types.1 == .float32),
      "\(Self.name) goes between float32 and int8 or uint8, not from \(list.spell(input)) to \(list.spell(output))")
    try list.requireCount(output, list[input].count, Self.name, "output")
    try require(factor.isFinite && factor > 0, "\(Self.name) expects a positive factor, not \(factor)")
  }

  public func reference(_ memory: HostMemory) {
    memory.storeFloats(memory.loadFloats(input).map { $0 * factor }, to: output)
  }
}
