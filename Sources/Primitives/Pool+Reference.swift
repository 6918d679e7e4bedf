// Definition of pooling; averages are summed in binary64 and rounded once.

import Compute
import Tensors

extension Pool {
  public func validate(_ list: CommandList) throws(ShapeError) {
    let name = Self.name
    if kind == .average || !list[input].type.isLevel { try list.requireActivation(input, name, "input") }
    try list.requireSameType(input, output, name)
    try window.check(name)
    let shape = list[input].shape
    let outputShape = list[output].shape
    try require(shape.count == 4, "\(name) expects images [N, H, W, C], not \(list.spell(input))")
    try require(
      outputShape.count == 4 && outputShape[0] == shape[0] && outputShape[3] == shape[3] && outputShape[1] >= 1
        && outputShape[2] >= 1,
      "\(name) expects an output [\(shape[0]), OH, OW, \(shape[3])], not \(list.spell(output))")
    // Every window must start inside the image or the padding before it, and touch the image; else its average would
    // divide by zero.
    let touches = { (extent: Int, last: Int, stride: Int, dilation: Int, size: Int, before: Int) in
      (0...last).allSatisfy { at in
        (0..<size).contains { (0..<extent).contains(at * stride + $0 * dilation - before) }
      }
    }
    try require(
      touches(shape[1], outputShape[1] - 1, window.strideRows, window.dilationRows, window.rows, window.top)
        && touches(
          shape[2], outputShape[2] - 1, window.strideColumns, window.dilationColumns, window.columns, window.left),
      "\(name) has a window \(window) that misses the image \(list.spell(input)) somewhere in \(list.spell(output))")
  }

  public func reference(_ memory: HostMemory) {
    let list = memory.list
    let x = memory.loadFloats(input)
    let (height, width, channels) = (list[input].shape[1], list[input].shape[2], list[input].shape[3])
    var result: [Float] = []
    result.reserveCapacity(list[output].count)
    forEachIndex(list[output].shape) { index in
      var sum = 0.0
      var greatest = -Float.infinity
      var inside = 0
      var padded = 0
      for r in 0..<window.rows {
        let row = index[1] * window.strideRows + r * window.dilationRows - window.top
        for s in 0..<window.columns {
          let column = index[2] * window.strideColumns + s * window.dilationColumns - window.left
          if row < height + window.bottom && column < width + window.right { padded += 1 }
          guard row >= 0, row < height, column >= 0, column < width else { continue }
          let number = x[((index[0] * height + row) * width + column) * channels + index[3]]
          inside += 1
          sum += Double(number)
          greatest = larger(greatest, number)
        }
      }
      switch kind {
      case .maximum: result.append(greatest)
      case .average: result.append(Float(sum / Double(countIncludePadding ? padded : inside)))
      }
    }
    memory.storeFloats(result, to: output)
  }
}
