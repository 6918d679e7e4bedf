// Definition of the constant fill.

import Compute
import Tensors

extension Fill {
  public func validate(_ list: CommandList) throws(ShapeError) {
    try list.requireActivation(output, Self.name, "output")
  }

  public func reference(_ memory: HostMemory) {
    memory.storeFloats(Array(repeating: number, count: memory.list[output].count), to: output)
  }
}
