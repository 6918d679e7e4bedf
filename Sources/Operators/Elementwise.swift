// Functions of one element: y = f(x), without attributes or with one number.

import Glibc
import Graphs
import Primitives
import Tensors

/// Relu, Sigmoid, Tanh, Erf, Sqrt, Reciprocal, Exp, Log, Abs, Neg, Sin, Cos, Sign, Round, Floor, Ceil, Softplus,
/// LeakyRelu (alpha 0.01 unless given) and Elu (alpha 1 unless given).
package struct ElementwiseLayer: Operator {
  package static let names = [
    "Relu", "Sigmoid", "Tanh", "Erf", "Sqrt", "Reciprocal", "Exp", "Log", "Abs", "Neg", "Sin", "Cos", "Sign", "Round",
    "Floor", "Ceil", "Softplus", "LeakyRelu", "Elu",
  ]

  let function: Unary.Operation

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 1...1)
    switch attributes.operatorName {
    case "Relu": function = .relu
    case "Sigmoid": function = .sigmoid
    case "Tanh": function = .tanh
    case "Erf": function = .erf
    case "Sqrt": function = .sqrt
    case "Reciprocal": function = .reciprocal
    case "Exp": function = .exp
    case "Log": function = .log
    case "Abs": function = .abs
    case "Neg": function = .negate
    case "Sin": function = .sin
    case "Cos": function = .cos
    case "Sign": function = .sign
    case "Round": function = .round
    case "Floor": function = .floor
    case "Ceil": function = .ceil
    case "Softplus": function = .softplus
    case "LeakyRelu": function = .leakyRelu(slope: try attributes.float("alpha") ?? 0.01)
    case "Elu": function = .elu(alpha: try attributes.float("alpha") ?? 1)
    case let other: throw OperatorError("\(other) is not a function of one element")
    }
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    [inputs[0]!.with(shape: inputs[0]!.shape, batchAxis: inputs[0]!.batchAxis)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = inputs[0]!
    return [Tensor(shape: input.shape, type: input.type, doubles: input.doubles.map { Self.value(function, $0) })]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let input = try lowering.stored(node.inputs[0]!)
    lowering.alias(
      node.outputs[0]!, try lowering.apply(function, to: input, name: lowering.graph.valueNames[node.outputs[0]!]))
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    try expression.express(function, node)
  }

  package func activation(_ inputs: [Fact?]) -> FusedActivation? { function == .relu ? .relu : nil }
  package var layoutDemand: LayoutDemand { .passesOn }

  /// The function in Double.
  static func value(_ function: Unary.Operation, _ x: Double) -> Double {
    switch function {
    case .identity: x
    case .relu: x < 0 ? 0 : x
    case .sigmoid: 1 / (1 + exp(-x))
    case .tanh: tanh(x)
    case .erf: erf(x)
    case .sqrt: x.squareRoot()
    case .reciprocal: 1 / x
    case .exp: exp(x)
    case .log: log(x)
    case .abs: abs(x)
    case .negate: -x
    case .sin: sin(x)
    case .cos: cos(x)
    case .sign: x > 0 ? 1 : x < 0 ? -1 : x
    case .round: x.rounded(.toNearestOrEven)
    case .floor: x.rounded(.down)
    case .ceil: x.rounded(.up)
    case .leakyRelu(let slope): x < 0 ? Double(slope) * x : x
    case .clip(let low, let high): x < Double(low) ? Double(low) : x > Double(high) ? Double(high) : x
    case .elu(let alpha): x < 0 ? Double(alpha) * expm1(x) : x
    case .softplus: x > 0 ? x + log1p(exp(-x)) : log1p(exp(x))
    case .power(let exponent): pow(x, Double(exponent))
    case .affine(let scale, let shift): Double(scale) * x + Double(shift)
    }
  }
}
