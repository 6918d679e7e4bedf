// What products with weights have in common: a residual and an activation at their end, and scales that go into weights.

import Compute
import Graphs
import Primitives
import Tensors

/// An operator y = act(sum of products + bias + residual) whose fourth input, when a rule joined it, is the residual.
protocol WeightedSum: Operator {
  var after: FusedActivation { get set }
  var hasResidual: Bool { get set }
}

extension WeightedSum {
  package var fusion: FusionTraits { FusionTraits(residualPosition: 3) }

  package func absorbing(_ addition: Absorption) -> (any Operator)? {
    guard after == .none else { return nil }
    var result = self
    switch addition {
    case .activation(let activation): result.after = activation
    case .residual:
      if hasResidual { return nil }
      result.hasResidual = true
    }
    return result
  }
}

/// Weights and bias after a scale and shift per output; `channel` tells to which output a weight belongs.
/// Nil where the bias is not a constant.
func absorbed(
  _ affine: ChannelAffine, weights: Tensor, weightsAt: Int, bias: Fact?, biasAt: Int, channel: (Int) -> Int
) -> [Int: Tensor]? {
  var old = [Double](repeating: 0, count: affine.scale.count)
  if let bias {
    guard let constant = bias.constant, constant.count == old.count else { return nil }
    old = constant.doubles
  }
  let type: ElementType = weights.type == .float64 ? .float64 : .float32
  var result = [
    biasAt: Tensor(
      shape: [old.count], type: type, doubles: old.indices.map { old[$0] * affine.scale[$0] + affine.shift[$0] })
  ]
  if affine.scale.contains(where: { $0 != 1 }) {
    let numbers = weights.doubles
    result[weightsAt] = Tensor(
      shape: weights.shape, type: type, doubles: numbers.indices.map { numbers[$0] * affine.scale[channel($0)] })
  }
  return result
}
