// The rewriting rules.

import Compute
import Primitives
import Tensors

extension RewritingRule {
  /// A constant scale and shift per channel (BatchNormalization, or a bias added after a product) moves into the
  /// weights of the layer before it: W'[o] = scale[o] W[o], b'[o] = scale[o] b[o] + shift[o], in Double, rounded once.
  static let foldChannelAffine = RewritingRule(name: "fold channel affine") { graph, first, second, position in
    let output = graph.fact(second.outputs[0]!)
    guard let (affine, of) = second.operation.channelAffine(graph.facts(of: second), output: output), of == position,
      graph.fact(second.inputs[position]!).shape == output.shape
    else { return nil }
    guard let changed = first.operation.absorbing(affine, inputs: graph.facts(of: first), output: output) else {
      return nil
    }
    var node = first
    node.outputs = second.outputs
    for (place, tensor) in changed.sorted(by: { $0.key < $1.key }) {
      while node.inputs.count <= place { node.inputs.append(nil) }
      let old = node.inputs[place].map { graph.valueNames[$0] } ?? first.name + ".bias"
      node.inputs[place] = graph.addValue(name: old, fact: Fact(constant: tensor))
    }
    return node
  }

  /// A sum with another value of the same shape moves into the layer that computes one of its operands.
  static let fuseResidual = RewritingRule(name: "fuse residual") { graph, first, second, position in
    guard second.operation.fusion.isAddition, second.inputs.count == 2,
      let place = first.operation.fusion.residualPosition,
      let other = second.inputs[1 - position], let own = second.inputs[position], other != own,
      let operation = first.operation.absorbing(.residual)
    else { return nil }
    let shape = graph.fact(second.outputs[0]!).shape
    guard graph.fact(other).constant == nil, graph.fact(other).type.isFloat, graph.fact(other).shape == shape,
      graph.fact(own).shape == shape
    else { return nil }
    var node = first
    node.operation = operation
    node.outputs = second.outputs
    while node.inputs.count <= place { node.inputs.append(nil) }
    node.inputs[place] = other
    return node
  }

  /// ReLU and Clip move into the layer before them.
  static let fuseActivation = RewritingRule(name: "fuse activation") { graph, first, second, position in
    guard position == 0, let activation = second.operation.activation(graph.facts(of: second)),
      let operation = first.operation.absorbing(.activation(activation))
    else { return nil }
    var node = first
    node.operation = operation
    node.outputs = second.outputs
    return node
  }
}
