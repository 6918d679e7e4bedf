// BatchNormalization with its running statistics: (x - mean[c]) / sqrt(variance[c] + epsilon) * scale[c] + shift[c],
// c the index along axis 1. As scale and shift: scale' = scale / sqrt(variance + epsilon), shift' = shift - mean scale'.

import Graphs
import Networks
import Primitives
import Tensors

package struct BatchNormalizationLayer: Operator {
  package static let names = ["BatchNormalization"]

  /// Binary32, as the attribute is stored.
  let epsilon: Float
  var after = FusedActivation.none

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 5...5, outputs: 1...5)
    if attributes.outputs.dropFirst().contains(true) {
      throw OperatorError("it updates its statistics, which only training does; export the model for inference")
    }
    epsilon = try attributes.float("epsilon") ?? 1e-5
    attributes.ignore("momentum")
    if try attributes.flag("training_mode") {
      throw OperatorError("it normalises with the statistics of the batch (training_mode); export it for inference")
    }
    if attributes.opset < 9, try attributes.flag("spatial", default: true) == false {
      throw OperatorError("statistics per position (spatial = 0) are not supported")
    }
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let input = inputs[0]!
    guard input.rank >= 2 else { throw OperatorError("its input has shape \(input.shape), without channels") }
    for parameter in inputs.dropFirst() where parameter!.shape != [input.shape[1]] {
      throw OperatorError("a parameter has shape \(parameter!.shape) instead of [\(input.shape[1])]")
    }
    if input.batchAxis == 1 { throw OperatorError.mixing("the samples lie along its channel axis") }
    return [input.with(shape: input.shape, batchAxis: input.batchAxis)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = inputs[0]!
    let p = inputs.dropFirst().map { $0!.doubles }
    let area = input.shape[2...].reduce(1, *)
    let channels = input.shape[1]
    let y = input.doubles.enumerated().map { index, x in
      let c = index / area % channels
      return after.number((x - p[2][c]) / (p[3][c] + Double(epsilon)).squareRoot() * p[0][c] + p[1][c])
    }
    return [Tensor(shape: input.shape, type: input.type, doubles: y)]
  }

  package func channelAffine(_ inputs: [Fact?], output: Fact) -> (ChannelAffine, of: Int)? {
    guard after == .none else { return nil }
    return affine(inputs.map { $0?.constant }).map { ($0, of: 0) }
  }

  private func affine(_ inputs: [Tensor?]) -> ChannelAffine? {
    guard let scale = inputs[1]?.doubles, let shift = inputs[2]?.doubles, let mean = inputs[3]?.doubles,
      let variance = inputs[4]?.doubles
    else { return nil }
    let scales = scale.indices.map { scale[$0] / (variance[$0] + Double(epsilon)).squareRoot() }
    return ChannelAffine(
      scale: scales, shift: shift.indices.map { shift[$0] - mean[$0] * scales[$0] }, axis: 1)
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    guard let affine = affine(node.inputs.map { lowering.constant($0) }) else {
      throw OperatorError("its parameters must be constants")
    }
    let input = node.inputs[0]!
    let channels = affine.scale.count
    let shape = lowering.shape(input)
    let layout = shape.count == 2 ? Layout.dense(shape) : .channelsLast(shape)
    let value = try lowering.load(input, as: layout)
    let scale = lowering.weights([channels], affine.scale, name: node.name + ".scale")
    let shift = lowering.weights([channels], affine.shift, name: node.name + ".shift")
    let output = lowering.define(node.outputs[0]!, layout: layout)
    try lowering.list.append(
      ScaleShift(
        input: value, scale: scale, shift: shift, output: output, rows: shape.reduce(1, *) / channels,
        channels: channels, activation: after))
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    let parameters = node.inputs.dropFirst().map { expression.constant($0)?.doubles }
    guard parameters.allSatisfy({ $0 != nil }) else { throw OperatorError("its parameters must be constants") }
    let (scale, shift, mean, variance) = (parameters[0]!, parameters[1]!, parameters[2]!, parameters[3]!)
    var factors: [Double] = []
    var constants: [Double] = []
    var errors: [Double] = []
    var roundings = 0
    for channel in scale.indices {
      let sum = variance[channel] + Double(epsilon)
      let deviation = sum.squareRoot()
      let factor = scale[channel] / deviation
      guard factor.isFinite else { throw OperatorError("the variance of channel \(channel) is not positive") }
      let moved = mean[channel] * factor
      factors.append(factor)
      constants.append(shift[channel] - moved)
      let isExact =
        addsExactly(variance[channel], Double(epsilon)) && (-sum).addingProduct(deviation, deviation) == 0
        && (-scale[channel]).addingProduct(factor, deviation) == 0
      let isExactShift = isExact && isExactProduct(mean[channel], factor) && addsExactly(shift[channel], -moved)
      // Three roundings of the factor, one of the product and one of the difference, each at most 2^-53.
      errors.append(
        isExactShift ? 0 : ((5 * moved.magnitude + 2 * constants[channel].magnitude) * 0x1p-53).nextUp.nextUp)
      if !isExact { roundings = 3 }
    }
    expression.builder.forbidFloat32("the order in which \(node.name) scales and shifts is open")
    let shape = expression.shape(node.inputs[0]!)
    let area = shape[2...].reduce(1, *)
    let x = try expression.elements(node.inputs[0]!)
    let channels = x.indices.map { $0 / area % shape[1] }
    let result = expression.builder.scaled(
      node.name, x, by: channels.map { factors[$0] }, roundings: roundings, plus: channels.map { constants[$0] },
      biasError: errors.contains { $0 > 0 } ? channels.map { errors[$0] } : nil)
    expression.define(node.outputs[0]!, result)
  }

  package var layoutDemand: LayoutDemand { .channelsLast }

  package func absorbing(_ addition: Absorption) -> (any Operator)? {
    guard case .activation(let activation) = addition, after == .none else { return nil }
    var result = self
    result.after = activation
    return result
  }
}
