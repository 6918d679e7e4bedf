// Definition of the chains of multiply-adds, and what they demand of their values.

import Compute
import Tensors

extension MultiplyAdds {
  public func validate(_ list: CommandList) throws(ShapeError) {
    let (from, to) = (list[starts], list[sums])
    guard from.type == .float32, to.type == .float32, from.shape == to.shape, to.count.isMultiple(of: Self.block) else {
      throw ShapeError("\(Self.name) wants float32 values of one shape, of a multiple of \(Self.block) elements")
    }
    guard (0...Self.mostRounds).contains(rounds), rounds.isMultiple(of: 4) else {
      throw ShapeError("\(Self.name) takes a multiple of 4 rounds, at most \(Self.mostRounds), not \(rounds)")
    }
  }

  public func reference(_ memory: HostMemory) {
    let from = memory.elements(starts, as: Float.self)
    let to = memory.elements(sums, as: Float.self)
    for index in 0..<to.count {
      var sum = from[index]
      for _ in 0..<rounds { sum += 0x1p-5 * 0x1p-5 }
      to[index] = sum
    }
  }
}
