// Conv: cross-correlation of [N, C, H, W] (or [N, C, L]) with filters [O, C / groups, R, S], plus a bias per output.
//
// y[n, o, i, j] = b[o] + sum over c, r, s of x[n, g C' + c, i sy + r dy - top, j sx + s dx - left] w[o, c, r, s]

import Compute
import Graphs
import Primitives
import Tensors

package struct ConvolutionLayer: WeightedSum {
  package static let names = ["Conv"]

  let attributes: WindowAttributes
  let groups: Int
  var after = FusedActivation.none
  var hasResidual = false

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 2...3)
    self.attributes = try WindowAttributes(attributes)
    groups = try attributes.integer("group") ?? 1
    guard groups > 0, groups < 1 << 31 else { throw OperatorError("attribute group must be positive") }
  }

  private func window(_ input: [Int], _ filter: [Int]) throws -> (window: Window, output: [Int]) {
    guard input.count == 3 || input.count == 4, filter.count == input.count else {
      throw OperatorError("its input has shape \(input) and its filter \(filter); only 1-D and 2-D are supported")
    }
    guard filter[1] * groups == input[1], filter[0].isMultiple(of: groups) else {
      throw OperatorError(
        "its filter \(filter) expects \(filter[1] * groups) channels in \(groups) groups, its input has \(input[1])")
    }
    let kernel = Array(filter[2...])
    if let declared = attributes.kernel, declared != kernel {
      throw OperatorError("attribute kernel_shape is \(declared), but the filter has \(kernel)")
    }
    return try attributes.window(kernel: kernel, image: Array(input[2...]))
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let input = inputs[0]!
    let filter = inputs[1]!
    let (_, output) = try window(input.shape, filter.shape)
    if filter.batchAxis != nil { throw OperatorError.mixing("its filter depends on the input") }
    if let bias = inputs.count > 2 ? inputs[2] : nil, bias.shape != [filter.shape[0]] {
      throw OperatorError("its bias has shape \(bias.shape) instead of [\(filter.shape[0])]")
    }
    if let axis = input.batchAxis, axis != 0 {
      throw OperatorError.mixing("the samples lie along axis \(axis) of its input, which it sums over")
    }
    let spatial = input.rank == 3 ? [output[1]] : output
    return [input.with(shape: [input.shape[0], filter.shape[0]] + spatial, batchAxis: input.batchAxis)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = inputs[0]!
    let filter = inputs[1]!
    let (window, out) = try window(input.shape, filter.shape)
    let plane = planeExtents(input.shape)
    let x = input.doubles
    let w = filter.doubles
    let bias = inputs.count > 2 ? inputs[2]?.doubles : nil
    let residual = hasResidual ? inputs[3]?.doubles : nil
    let outputs = filter.shape[0]
    let perGroup = filter.shape[1]
    let channels = input.shape[1]
    var y: [Double] = []
    for n in 0..<input.shape[0] {
      for o in 0..<outputs {
        let first = o / (outputs / groups) * perGroup
        for i in 0..<out[0] {
          for j in 0..<out[1] {
            var sum = bias?[o] ?? 0
            for c in 0..<perGroup {
              for r in 0..<window.rows {
                let row = i * window.strideRows + r * window.dilationRows - window.top
                guard row >= 0, row < plane[0] else { continue }
                for s in 0..<window.columns {
                  let column = j * window.strideColumns + s * window.dilationColumns - window.left
                  guard column >= 0, column < plane[1] else { continue }
                  sum +=
                    x[((n * channels + first + c) * plane[0] + row) * plane[1] + column]
                    * w[((o * perGroup + c) * window.rows + r) * window.columns + s]
                }
              }
            }
            y.append(after.number(sum + (residual?[y.count] ?? 0)))
          }
        }
      }
    }
    let spatial = input.shape.count == 3 ? [out[1]] : out
    return [Tensor(shape: [input.shape[0], outputs] + spatial, type: input.type, doubles: y)]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    guard let filter = lowering.constant(node.inputs[1]) else {
      throw OperatorError("its filter must be a constant")
    }
    let shape = lowering.shape(node.inputs[0]!)
    let (window, _) = try window(shape, filter.shape)
    let plane = filter.shape.count == 3 ? [filter.shape[0], filter.shape[1], 1, filter.shape[2]] : filter.shape
    let packed = filter.converted(to: .float32).reshaped(plane).transposed([0, 2, 3, 1])
    if lowering.levelScale(node.inputs[0]!) != nil, packed.count / packed.shape[0] <= QuantizedConvolve.largestFilter {
      return try lowerOnLevels(node, filter: packed, window: window, into: &lowering)
    }
    let input = try lowering.channelsLast(node.inputs[0]!)
    let weights = lowering.list.constant(packed, name: node.name + ".filter")
    var bias: Value?
    if let operand = node.input(2) {
      guard let tensor = lowering.constant(operand) else { throw OperatorError("its bias must be a constant") }
      bias = lowering.list.constant(tensor.converted(to: .float32), name: node.name + ".bias")
    }
    var residual: Value?
    if hasResidual { residual = try lowering.channelsLast(node.inputs[3]!) }
    let output = lowering.defineChannelsLast(node.outputs[0]!)
    try lowering.list.append(
      Convolve(
        input: input, filter: weights, bias: bias, residual: residual, output: output, window: window, groups: groups,
        activation: after))
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    guard let filter = expression.constant(node.inputs[1]) else { throw OperatorError("its filter must be a constant") }
    let shape = expression.shape(node.inputs[0]!)
    let (window, output) = try window(shape, filter.shape)
    let rows = convolutionRows(input: shape, filter: filter, window: window, output: output, groups: groups)
    try expression.affine(node, over: node.inputs[0]!, rows: rows, channelBias: node.input(2))
  }

  package func multiplyAdds(_ inputs: [Fact?], _ outputs: [Fact]) -> Int {
    outputs[0].count * inputs[1]!.shape.dropFirst().reduce(1, *)
  }

  package var layoutDemand: LayoutDemand { .channelsLast }
  package var levels: LevelTraits { LevelTraits(multiplies: true, residual: hasResidual ? 3 : nil) }

  package func absorbing(_ affine: ChannelAffine, inputs: [Fact?], output: Fact) -> [Int: Tensor]? {
    guard after == .none, !hasResidual, affine.axis == 1, let filter = inputs[1]?.constant,
      affine.scale.count == filter.shape[0]
    else { return nil }
    return absorbed(affine, weights: filter, weightsAt: 1, bias: inputs.count > 2 ? inputs[2] : nil, biasAt: 2) {
      $0 / (filter.count / filter.shape[0])
    }
  }
}
