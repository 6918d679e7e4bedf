// Definition of the convolution: the sum of Convolve.swift in binary64, rounded once to binary32 before the activation.

import Compute
import Tensors

extension Convolve {
  public func validate(_ list: CommandList) throws(ShapeError) {
    let name = Self.name
    try list.requireActivation(input, name, "input")
    try window.check(name)
    let shape = list[input].shape
    let filterShape = list[filter].shape
    try require(shape.count == 4, "\(name) expects images [N, H, W, channels], not \(list.spell(input))")
    try require(
      filterShape.count == 4 && groups >= 1 && shape[3] % groups == 0 && filterShape[0] % groups == 0
        && filterShape[3] == shape[3] / groups && filterShape[1] == window.rows && filterShape[2] == window.columns,
      "\(name) expects a filter [outputs, \(window.rows), \(window.columns), channels / \(groups)] for the input "
        + "\(list.spell(input)), not \(list.spell(filter))")
    try list.requireParameters(filter, filterShape.reduce(1, *), name, "filter")
    if let bias { try list.requireParameters(bias, filterShape[0], name, "bias") }
    let rows = window.outputRows(shape[1])
    let columns = window.outputColumns(shape[2])
    try require(
      rows >= 1 && columns >= 1
        && shape[1] + window.top + window.bottom >= window.dilationRows * (window.rows - 1) + 1
        && shape[2] + window.left + window.right >= window.dilationColumns * (window.columns - 1) + 1,
      "\(name) finds no place for its window \(window) in \(list.spell(input))")
    let expected = [shape[0], rows, columns, filterShape[0]]
    try list.requireShape(output, expected, name, "output")
    try list.requireSameType(input, output, name)
    if let residual {
      try list.requireShape(residual, expected, name, "residual")
      try list.requireSameType(residual, output, name)
    }
  }

  public func reference(_ memory: HostMemory) {
    let list = memory.list
    let x = memory.loadFloats(input)
    let w = memory.loadFloats(filter)
    let b = bias.map { memory.loadFloats($0) }
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
            var sum = Double(b?[o] ?? 0)
            if let before { sum += Double(before[result.count]) }
            for r in 0..<window.rows {
              let row = y * window.strideRows + r * window.dilationRows - window.top
              if row < 0 || row >= height { continue }
              for s in 0..<window.columns {
                let across = column * window.strideColumns + s * window.dilationColumns - window.left
                if across < 0 || across >= width { continue }
                let from = ((n * height + row) * width + across) * channels + o / (outputs / groups) * inner
                let weights = ((o * window.rows + r) * window.columns + s) * inner
                for c in 0..<inner { sum += Double(x[from + c]) * Double(w[weights + c]) }
              }
            }
            result.append(activation(Float(sum)))
          }
        }
      }
    }
    memory.storeFloats(result, to: output)
  }
}
