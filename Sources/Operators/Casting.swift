// Operators that change how numbers are written: Cast, Identity and Dropout (which does nothing after training).

import Compute
import Graphs
import Primitives
import Tensors

/// Cast. Between float types it changes nothing at run time: activations have the precision of the run.
package struct CastLayer: Operator {
  package static let names = ["Cast"]

  let type: ElementType

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 1...1)
    guard let code = try attributes.integer("to") else { throw OperatorError("attribute to is missing") }
    guard let type = ElementType(onnx: code) else {
      throw OperatorError("casting to ONNX type \(code) is not supported")
    }
    self.type = type
    // Both only concern 8-bit floats, which are not supported.
    attributes.ignore("saturate")
    attributes.ignore("round_mode")
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    var result = inputs[0]!.with(shape: inputs[0]!.shape, batchAxis: inputs[0]!.batchAxis)
    result.type = type
    return [result]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    if inputs[0]!.type.isFloat, type == .bool {
      return [Tensor(shape: inputs[0]!.shape, type: .bool, doubles: inputs[0]!.doubles)]
    }
    return [inputs[0]!.converted(to: type)]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let input = node.inputs[0]!
    let output = node.outputs[0]!
    let current = try lowering.stored(input)
    // 8-bit results are kept as floats.
    let from = lowering.list[current.value].type
    if from == type || (from.isFloat && type.isFloat) {
      lowering.alias(output, current)
      return
    }
    guard type.isFloat || type == .int32 || type == .int64 else {
      throw OperatorError("casting \(from.rawValue) to \(type.rawValue) is only supported when the model is loaded")
    }
    let result = lowering.define(output, layout: current.layout, as: lowering.list[current.value].shape)
    try lowering.list.append(Convert(input: current.value, output: result))
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    try expression.cast(node, to: type)
  }

  package var layoutDemand: LayoutDemand { .passesOn }
}

extension ElementType {
  /// The type with a number of ONNX's TensorProto.DataType; nil for strings, complex numbers and the like.
  public init?(onnx code: Int) {
    switch code {
    case 1: self = .float32
    case 2: self = .uint8
    case 3: self = .int8
    case 6: self = .int32
    case 7: self = .int64
    case 9: self = .bool
    case 10: self = .float16
    case 11: self = .float64
    case 12: self = .uint32
    case 13: self = .uint64
    case 16: self = .bfloat16
    default: return nil
    }
  }
}

package struct IdentityLayer: Operator {
  package static let names = ["Identity"]
  package var isMovement: Bool { true }

  package init(_ attributes: OperatorAttributes) throws { try attributes.expect(inputs: 1...1) }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] { [inputs[0]!] }
  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] { [inputs[0]!] }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    lowering.alias(node.outputs[0]!, try lowering.stored(node.inputs[0]!))
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws { try expression.move(node) }

  package var layoutDemand: LayoutDemand { .passesOn }
}

package struct DropoutLayer: Operator {
  package static let names = ["Dropout"]
  package var isMovement: Bool { true }

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: attributes.opset < 12 ? 1...1 : 1...3, outputs: 1...2)
    attributes.ignore("ratio")
    attributes.ignore("seed")
    if attributes.outputs.count > 1, attributes.outputs[1] { throw OperatorError("its mask output is not supported") }
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    if inputs.count > 2, let training = inputs[2] {
      guard let number = training.constant?.doubles.first, number == 0 else {
        throw OperatorError("it drops values at random (training_mode); export the model for inference")
      }
    }
    return [inputs[0]!.with(shape: inputs[0]!.shape, batchAxis: inputs[0]!.batchAxis)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] { [inputs[0]!] }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    lowering.alias(node.outputs[0]!, try lowering.stored(node.inputs[0]!))
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws { try expression.move(node) }

  package var layoutDemand: LayoutDemand { .passesOn }
}
