// Definition of softmax in binary64, rounded once. A NaN or plus infinity in a column makes the column NaN.

import Compute
import Glibc
import Tensors

extension Softmax {
  public func validate(_ list: CommandList) throws(ShapeError) {
    try list.requireActivation(input, Self.name, "input")
    try list.requireSameType(input, output, Self.name)
    try require(
      outer >= 1 && length >= 1 && inner >= 1,
      "\(Self.name) expects positive extents, not [\(outer), \(length), \(inner)]")
    try list.requireCount(input, outer * length * inner, Self.name, "input")
    try list.requireCount(output, outer * length * inner, Self.name, "output")
  }

  public func reference(_ memory: HostMemory) {
    let x = memory.loadFloats(input)
    var result = Array(repeating: Float(0), count: x.count)
    for o in 0..<outer {
      for i in 0..<inner {
        let places = (0..<length).map { (o * length + $0) * inner + i }
        let greatest = Double(places.map { x[$0] }.reduce(-.infinity, larger))
        let powers = places.map { exp(Double(x[$0]) - greatest) }
        let sum = powers.reduce(0, +)
        for (place, power) in zip(places, powers) { result[place] = Float(power / sum) }
      }
    }
    memory.storeFloats(result, to: output)
  }
}
