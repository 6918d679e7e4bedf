// Gelu: x/2 (1 + erf(x / sqrt 2)), or with approximate = "tanh" x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).

import Glibc
import Graphs
import Primitives
import Tensors

package struct GeluLayer: Operator {
  package static let names = ["Gelu"]

  let usesTanh: Bool

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 1...1)
    switch try attributes.string("approximate") ?? "none" {
    case "none": usesTanh = false
    case "tanh": usesTanh = true
    case let other: throw OperatorError("attribute approximate has the unknown value \(other)")
    }
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    [inputs[0]!.with(shape: inputs[0]!.shape, batchAxis: inputs[0]!.batchAxis)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let numbers = inputs[0]!.doubles.map { x in
      let inner = usesTanh ? tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)) : erf(x / 2.0.squareRoot())
      return x / 2 * (1 + inner)
    }
    return [Tensor(shape: inputs[0]!.shape, type: inputs[0]!.type, doubles: numbers)]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let name = lowering.graph.valueNames[node.outputs[0]!]
    let input = try lowering.stored(node.inputs[0]!)
    let shape = input.layout.shape
    var inner: Stored
    if usesTanh {
      // sqrt(2/pi) x (1 + 0.044715 x^2)
      let square = try lowering.combine(.multiply, input, input, shape: shape, name: name)
      let scale = (2 / Double.pi).squareRoot()
      let factor = try lowering.apply(
        .affine(scale: Float(0.044715 * scale), shift: Float(scale)), to: square, name: name)
      let product = try lowering.combine(.multiply, input, factor, shape: shape, name: name)
      inner = try lowering.apply(.tanh, to: product, name: name)
    } else {
      let scaled = try lowering.apply(.affine(scale: Float(0.5.squareRoot()), shift: 0), to: input, name: name)
      inner = try lowering.apply(.erf, to: scaled, name: name)
    }
    inner = try lowering.apply(.affine(scale: 0.5, shift: 0.5), to: inner, name: name)
    lowering.alias(node.outputs[0]!, try lowering.combine(.multiply, input, inner, shape: shape, name: name))
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    let x = try expression.elements(node.inputs[0]!)
    if usesTanh {
      expression.define(node.outputs[0]!, expression.builder.tanhGelu(node.name, x))
    } else {
      expression.define(
        node.outputs[0]!,
        expression.builder.function(node.name, .gelu, of: x, merging: expression.mayMerge(node.inputs[0]!)))
    }
  }

  package var layoutDemand: LayoutDemand { .passesOn }
}
