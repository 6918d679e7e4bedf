// Definition of the vote of each row.

import Compute
import Tensors

extension ArgMax {
  public func validate(_ list: CommandList) throws(ShapeError) {
    try list.requireActivation(logits, Self.name, "logits")
    try require(rows >= 1 && classes >= 1, "\(Self.name) expects positive extents, not [\(rows), \(classes)]")
    try list.requireCount(logits, rows * classes, Self.name, "logits")
    try list.requireCount(output, rows, Self.name, "output")
    try require(list[output].type == .int32, "\(Self.name) expects an int32 output, not \(list.spell(output))")
  }

  public func reference(_ memory: HostMemory) {
    let x = memory.loadFloats(logits)
    let votes = memory.elements(output, as: Int32.self)
    for row in 0..<rows {
      let numbers = x[row * classes..<(row + 1) * classes]
      var best = 0
      for (index, number) in numbers.enumerated() where number > numbers[numbers.startIndex + best] { best = index }
      votes[row] = numbers.contains { $0.isNaN } ? -1 : Int32(best)
    }
  }
}
