// Definition of the transposed convolution: every product is added where it falls, in binary64, and the sum is rounded
// once to binary32 before the activation.

import Compute
import Tensors

extension ConvolveTransposed {
  public func validate(_ list: CommandList) throws(ShapeError) {
    let name = Self.name
    try list.requireActivation(input, name, "input")
    try window.check(name)
    let shape = list[input].shape
    let filterShape = list[filter].shape
    let outputShape = list[output].shape
    try require(shape.count == 4, "\(name) expects images [N, H, W, channels], not \(list.spell(input))")
    try require(
      filterShape.count == 4 && groups >= 1 && shape[3] % groups == 0 && filterShape[0] % groups == 0
        && filterShape[3] == shape[3] / groups && filterShape[1] == window.rows && filterShape[2] == window.columns,
      "\(name) expects a filter [outputs, \(window.rows), \(window.columns), channels / \(groups)] for the input "
        + "\(list.spell(input)), not \(list.spell(filter))")
    try list.requireParameters(filter, filterShape.reduce(1, *), name, "filter")
    if let bias { try list.requireParameters(bias, filterShape[0], name, "bias") }
    try require(
      outputShape.count == 4 && outputShape[0] == shape[0] && outputShape[3] == filterShape[0]
        && outputShape[1] >= 1 && outputShape[2] >= 1,
      "\(name) expects an output [\(shape[0]), OH, OW, \(filterShape[0])], not \(list.spell(output))")
    try list.requireSameType(input, output, name)
  }

  public func reference(_ memory: HostMemory) {
    let list = memory.list
    let x = memory.loadFloats(input)
    let w = memory.loadFloats(filter)
    let b = bias.map { memory.loadFloats($0) }
    let (height, width, channels) = (list[input].shape[1], list[input].shape[2], list[input].shape[3])
    let shape = list[output].shape
    let (rows, columns, outputs) = (shape[1], shape[2], shape[3])
    let inner = channels / groups
    let outputsPerGroup = outputs / groups
    var sums = (0..<list[output].count).map { Double(b?[$0 % outputs] ?? 0) }
    forEachIndex([shape[0], height, width, window.rows, window.columns]) { index in
      let (n, y, column, r, s) = (index[0], index[1], index[2], index[3], index[4])
      let row = y * window.strideRows + r * window.dilationRows - window.top
      let across = column * window.strideColumns + s * window.dilationColumns - window.left
      guard row >= 0, row < rows, across >= 0, across < columns else { return }
      for o in 0..<outputs {
        let from = ((n * height + y) * width + column) * channels + o / outputsPerGroup * inner
        let weights = ((o * window.rows + r) * window.columns + s) * inner
        for c in 0..<inner {
          sums[((n * rows + row) * columns + across) * outputs + o] += Double(x[from + c]) * Double(w[weights + c])
        }
      }
    }
    memory.storeFloats(sums.map { activation(Float($0)) }, to: output)
  }
}
