// Definition of layer normalisation: mean, variance and quotient in binary64, rounded once.

import Compute
import Tensors

extension NormalizeRows {
  public func validate(_ list: CommandList) throws(ShapeError) {
    try list.requireActivation(input, Self.name, "input")
    try list.requireSameType(input, output, Self.name)
    try require(rows >= 1 && columns >= 1, "\(Self.name) expects positive extents, not [\(rows), \(columns)]")
    try list.requireCount(input, rows * columns, Self.name, "input")
    try list.requireCount(output, rows * columns, Self.name, "output")
    if let scale { try list.requireParameters(scale, columns, Self.name, "scale") }
    if let shift { try list.requireParameters(shift, columns, Self.name, "shift") }
  }

  public func reference(_ memory: HostMemory) {
    let x = memory.loadFloats(input)
    let factors = scale.map { memory.loadFloats($0) }
    let terms = shift.map { memory.loadFloats($0) }
    var result: [Float] = []
    for row in 0..<rows {
      let numbers = x[row * columns..<(row + 1) * columns].map { Double($0) }
      let mean = numbers.reduce(0, +) / Double(columns)
      let variance = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
      let deviation = (variance + Double(epsilon)).squareRoot()
      for column in 0..<columns {
        let normal = (numbers[column] - mean) / deviation
        result.append(Float(normal * Double(factors?[column] ?? 1) + Double(terms?[column] ?? 0)))
      }
    }
    memory.storeFloats(result, to: output)
  }
}
