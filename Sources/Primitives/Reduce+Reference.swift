// Definition of the reductions. Extremes of a range with a NaN in it are NaN.

import Compute
import Tensors

extension Reduce {
  public func validate(_ list: CommandList) throws(ShapeError) {
    try list.requireActivation(input, Self.name, "input")
    try list.requireSameType(input, output, Self.name)
    try require(
      outer >= 1 && length >= 1 && inner >= 1,
      "\(Self.name) expects positive extents, not [\(outer), \(length), \(inner)]")
    try list.requireCount(input, outer * length * inner, Self.name, "input")
    try list.requireCount(output, outer * inner, Self.name, "output")
  }

  public func reference(_ memory: HostMemory) {
    let x = memory.loadFloats(input)
    var result: [Float] = []
    for o in 0..<outer {
      for i in 0..<inner {
        let column = (0..<length).map { x[(o * length + $0) * inner + i] }
        switch operation {
        case .sum: result.append(column.dropFirst().reduce(column[0], +))
        case .mean: result.append(column.dropFirst().reduce(column[0], +) / Float(length))
        case .maximum: result.append(column.reduce(-.infinity, larger))
        case .minimum: result.append(column.reduce(.infinity, smaller))
        }
      }
    }
    memory.storeFloats(result, to: output)
  }
}
