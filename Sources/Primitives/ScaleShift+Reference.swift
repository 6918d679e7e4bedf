// Definition of the affine map per channel: two roundings to binary32, then the activation.

import Compute
import Tensors

extension ScaleShift {
  public func validate(_ list: CommandList) throws(ShapeError) {
    try list.requireActivation(input, Self.name, "input")
    try list.requireSameType(input, output, Self.name)
    try require(rows >= 1 && channels >= 1, "\(Self.name) expects positive extents, not [\(rows), \(channels)]")
    try list.requireCount(input, rows * channels, Self.name, "input")
    try list.requireCount(output, rows * channels, Self.name, "output")
    try list.requireParameters(scale, channels, Self.name, "scale")
    try list.requireParameters(shift, channels, Self.name, "shift")
  }

  public func reference(_ memory: HostMemory) {
    let x = memory.loadFloats(input)
    let factors = memory.loadFloats(scale)
    let terms = memory.loadFloats(shift)
    let result = x.indices.map { index in
      let product = x[index] * factors[index % channels]
      return activation(product + terms[index % channels])
    }
    memory.storeFloats(result, to: output)
  }
}
