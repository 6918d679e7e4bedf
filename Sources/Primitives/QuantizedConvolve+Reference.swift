// Definition of the convolution on levels: integer sums, then the binary32 operations of QuantizedConvolve.swift.

import Compute
import Tensors

extension QuantizedConvolve {
  public func validate(_ list: CommandList) throws(ShapeError) {
    let name = Self.name
    try window.check(name)
    let shape = list[input].shape
    let filterShape = list[filter].shape
    try require(
      shape.count == 4 && list[input].type.isLevel,
      "\(name) expects 8-bit images [N, H, W, channels], not \(list.spell(input))")
    try require(
      filterShape.count == 4 && groups >= 1 && shape[3] % groups == 0 && filterShape[0] % groups == 0
        && filterShape[3] == shape[3] / groups && filterShape[1] == window.rows && filterShape[2] == window.columns
        && list[filter].type == .int8 && list.tensor(of: filter) != nil,
      "\(name) expects an int8 constant [outputs, \(window.rows), \(window.columns), channels / \(groups)] as the filter "
        + "for the input \(list.spell(input)), not \(list.spell(filter))")
    try require(
      filterShape.dropFirst().reduce(1, *) <= Self.largestFilter,
      "\(name) sums at most \(Self.largestFilter) products in 32 bits, and \(list.spell(filter)) has more")
    try list.requireParameters(bias, filterShape[0], name, "bias")
    try list.requireParameters(scale, filterShape[0], name, "scale")
    let expected = [shape[0], window.outputRows(shape[1]), window.outputColumns(shape[2]), filterShape[0]]
    try require(
      expected[1] >= 1 && expected[2] >= 1
        && shape[1] + window.top + window.bottom >= window.dilationRows * (window.rows - 1) + 1
        && shape[2] + window.left + window.right >= window.dilationColumns * (window.columns - 1) + 1,
      "\(name) finds no place for its window \(window) in \(list.spell(input))")
    try list.requireShape(output, expected, name, "output")
    let type = list[output].type
    try require(
      type == .float32 || type.isLevel, "\(name) writes float32, int8 or uint8, not \(list.spell(output))")
    if let residual {
      try list.requireShape(residual, expected, name, "residual")
      try require(
        list[residual].type.isLevel == type.isLevel && (type.isLevel || list[residual].type == .float32),
        "\(name) expects its residual \(list.spell(residual)) to be 8-bit where its output is, else float32; the output "
          + "is \(list.spell(output))")
    }
  }

  public func reference(_ memory: HostMemory) {
    let list = memory.list
    let x = memory.loadFloats(input).map { Int32($0) }
    let w = memory.loadFloats(filter).map { Int32($0) }
    let b = memory.loadFloats(bias)
    let factors = memory.loadFloats(scale)
    let before = residual.map { memory.loadFloats($0) }
    let (height, width, channels) = (list[input].shape[1], list[input].shape[2], list[input].shape[3])
    let shape = list[output].shape
    let outputs = shape[3]
    let inner = channels / groups
    var result: [Float] = []
    result.reserveCapacity(list[output].count)
    for n in 0..<shape[0] {
      for y in 0..<shape[1] {
        for column in 0..<shape[2] {
          for o in 0..<outputs {
            var sum: Int32 = 0
            for r in 0..<window.rows {
              let row = y * window.strideRows + r * window.dilationRows - window.top
              if row < 0 || row >= height { continue }
              for s in 0..<window.columns {
                let across = column * window.strideColumns + s * window.dilationColumns - window.left
                if across < 0 || across >= width { continue }
                let from = ((n * height + row) * width + across) * channels + o / (outputs / groups) * inner
                let weights = ((o * window.rows + r) * window.columns + s) * inner
                for c in 0..<inner { sum += x[from + c] * w[weights + c] }
              }
            }
            var z = (Float(sum) + b[o]) * factors[o]
            if let before { z = z.addingProduct(before[result.count], residualScale) }
            result.append(activation(z))
          }
        }
      }
    }
    memory.storeFloats(result, to: output)
  }
}
