// ConvTranspose of [N, C, H, W] (or [N, C, L]) with filters [C, O / groups, R, S], the adjoint of Conv plus a bias.
//
// extent = stride (in - 1) + output_padding + dilation (kernel - 1) + 1 - padding before and after

import Compute
import Graphs
import Primitives
import Tensors

package struct ConvolutionTransposedLayer: Operator {
  package static let names = ["ConvTranspose"]

  let attributes: WindowAttributes
  let groups: Int
  let outputPadding: [Int]?
  let outputShape: [Int]?
  var after = FusedActivation.none

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 2...3)
    self.attributes = try WindowAttributes(attributes)
    groups = try attributes.integer("group") ?? 1
    outputPadding = try attributes.integers("output_padding")
    outputShape = try attributes.integers("output_shape")
    guard groups > 0, groups < 1 << 31 else { throw OperatorError("attribute group must be positive") }
  }

  private func window(_ input: [Int], _ filter: [Int]) throws -> (window: Window, output: [Int]) {
    guard input.count == 3 || input.count == 4, filter.count == input.count else {
      throw OperatorError("its input has shape \(input) and its filter \(filter); only 1-D and 2-D are supported")
    }
    guard filter[0] == input[1], filter[0].isMultiple(of: groups) else {
      throw OperatorError("its filter \(filter) expects \(filter[0]) channels, its input has \(input[1])")
    }
    let rank = input.count - 2
    try attributes.check(rank: rank)
    let kernel = Array(filter[2...])
    if let declared = attributes.kernel, declared != kernel {
      throw OperatorError("attribute kernel_shape is \(declared), but the filter has \(kernel)")
    }
    for list in [outputPadding, outputShape] where list != nil && list!.count != rank {
      throw OperatorError("output_padding and output_shape must have \(rank) numbers")
    }
    for extent in (outputPadding ?? []) + (outputShape ?? []) where extent < 0 || extent > 1 << 31 {
      throw OperatorError("output_padding or output_shape has the extent \(extent)")
    }
    var before = [Int]()
    var after = [Int]()
    var output = [Int]()
    for axis in 0..<rank {
      let stride = attributes.strides?[axis] ?? 1
      let dilation = attributes.dilations?[axis] ?? 1
      let full =
        stride * (input[2 + axis] - 1) + (outputPadding?[axis] ?? 0) + dilation * (kernel[axis] - 1) + 1
      let isSame = attributes.padding == .sameUpper || attributes.padding == .sameLower
      if let wanted = outputShape?[axis] ?? (isSame ? stride * input[2 + axis] : nil) {
        let total = full - wanted
        guard total >= 0 else {
          throw OperatorError("its output extent \(wanted) is larger than the \(full) that its window reaches")
        }
        let smaller = total / 2
        before.append(attributes.padding == .sameUpper ? smaller : total - smaller)
        after.append(total - before[axis])
      } else {
        before.append(attributes.padding == .valid ? 0 : attributes.pads?[axis] ?? 0)
        after.append(attributes.padding == .valid ? 0 : attributes.pads?[axis + rank] ?? 0)
      }
      output.append(full - before[axis] - after[axis])
      guard output[axis] > 0 else { throw OperatorError("its output would be empty") }
    }
    func two(_ list: [Int]?, _ missing: Int) -> [Int] {
      guard let list else { return [missing, missing] }
      return list.count == 1 ? [missing] + list : list
    }
    let k = two(kernel, 1)
    let s = two(attributes.strides, 1)
    let d = two(attributes.dilations, 1)
    let b = two(before, 0)
    let a = two(after, 0)
    return (
      Window(
        rows: k[0], columns: k[1], strideRows: s[0], strideColumns: s[1], dilationRows: d[0], dilationColumns: d[1],
        top: b[0], left: b[1], bottom: a[0], right: a[1]),
      two(output, 1)
    )
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let input = inputs[0]!
    let filter = inputs[1]!
    let (_, output) = try window(input.shape, filter.shape)
    if filter.batchAxis != nil { throw OperatorError.mixing("its filter depends on the input") }
    let outputs = filter.shape[1] * groups
    if let bias = inputs.count > 2 ? inputs[2] : nil, bias.shape != [outputs] {
      throw OperatorError("its bias has shape \(bias.shape) instead of [\(outputs)]")
    }
    if let axis = input.batchAxis, axis != 0 {
      throw OperatorError.mixing("the samples lie along axis \(axis) of its input, which it sums over")
    }
    let spatial = input.rank == 3 ? [output[1]] : output
    return [input.with(shape: [input.shape[0], outputs] + spatial, batchAxis: input.batchAxis)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = inputs[0]!
    let filter = inputs[1]!
    let (window, out) = try window(input.shape, filter.shape)
    let plane = planeExtents(input.shape)
    let x = input.doubles
    let w = filter.doubles
    let bias = inputs.count > 2 ? inputs[2]?.doubles : nil
    let perGroup = filter.shape[1]
    let outputs = perGroup * groups
    let channels = input.shape[1]
    var y = [Double](repeating: 0, count: input.shape[0] * outputs * out[0] * out[1])
    for n in 0..<input.shape[0] {
      for c in 0..<channels {
        let group = c / (channels / groups)
        for i in 0..<plane[0] {
          for j in 0..<plane[1] {
            let number = x[((n * channels + c) * plane[0] + i) * plane[1] + j]
            for o in 0..<perGroup {
              for r in 0..<window.rows {
                let row = i * window.strideRows + r * window.dilationRows - window.top
                guard row >= 0, row < out[0] else { continue }
                for s in 0..<window.columns {
                  let column = j * window.strideColumns + s * window.dilationColumns - window.left
                  guard column >= 0, column < out[1] else { continue }
                  y[((n * outputs + group * perGroup + o) * out[0] + row) * out[1] + column] +=
                    number * w[((c * perGroup + o) * window.rows + r) * window.columns + s]
                }
              }
            }
          }
        }
      }
    }
    let area = out[0] * out[1]
    for index in y.indices { y[index] = after.number(y[index] + (bias?[index / area % outputs] ?? 0)) }
    let spatial = input.shape.count == 3 ? [out[1]] : out
    return [Tensor(shape: [input.shape[0], outputs] + spatial, type: input.type, doubles: y)]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    guard let filter = lowering.constant(node.inputs[1]) else { throw OperatorError("its filter must be a constant") }
    let (window, _) = try window(lowering.shape(node.inputs[0]!), filter.shape)
    let input = try lowering.channelsLast(node.inputs[0]!)
    let perGroup = filter.shape[1]
    let channels = filter.shape[0] / groups
    // [groups, channels, outputs, R, S] to [groups, outputs, R, S, channels]
    let packed = filter.converted(to: .float32)
      .reshaped([groups, channels, perGroup, window.rows, window.columns]).transposed([0, 2, 3, 4, 1])
      .reshaped([groups * perGroup, window.rows, window.columns, channels])
    let weights = lowering.list.constant(packed, name: node.name + ".filter")
    var bias: Value?
    if let operand = node.input(2) {
      guard let tensor = lowering.constant(operand) else { throw OperatorError("its bias must be a constant") }
      bias = lowering.list.constant(tensor.converted(to: .float32), name: node.name + ".bias")
    }
    let output = lowering.defineChannelsLast(node.outputs[0]!)
    try lowering.list.append(
      ConvolveTransposed(
        input: input, filter: weights, bias: bias, output: output, window: window, groups: groups, activation: after))
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    guard let filter = expression.constant(node.inputs[1]) else { throw OperatorError("its filter must be a constant") }
    let shape = expression.shape(node.inputs[0]!)
    let (window, output) = try window(shape, filter.shape)
    let rows = transposedConvolutionRows(input: shape, filter: filter, window: window, output: output, groups: groups)
    try expression.affine(node, over: node.inputs[0]!, rows: rows, channelBias: node.input(2))
  }

  package func multiplyAdds(_ inputs: [Fact?], _ outputs: [Fact]) -> Int {
    inputs[0]!.count * inputs[1]!.shape.dropFirst().reduce(1, *)
  }

  package var layoutDemand: LayoutDemand { .channelsLast }

  package func absorbing(_ addition: Absorption) -> (any Operator)? {
    guard case .activation(let activation) = addition, after == .none else { return nil }
    var result = self
    result.after = activation
    return result
  }

  package func absorbing(_ affine: ChannelAffine, inputs: [Fact?], output: Fact) -> [Int: Tensor]? {
    guard after == .none, affine.axis == 1, let filter = inputs[1]?.constant,
      affine.scale.count == filter.shape[1] * groups
    else { return nil }
    let area = filter.shape[2...].reduce(1, *)
    let perGroup = filter.shape[1]
    let channels = filter.shape[0] / groups
    return absorbed(affine, weights: filter, weightsAt: 1, bias: inputs.count > 2 ? inputs[2] : nil, biasAt: 2) {
      $0 / area / perGroup / channels * perGroup + $0 / area % perGroup
    }
  }
}
