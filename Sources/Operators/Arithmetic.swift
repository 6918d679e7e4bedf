// Functions of two or more elements with broadcasting: Add, Sub, Mul, Div, Pow, Min, Max.

import Glibc
import Graphs
import Primitives
import Tensors

/// An elementwise function of operands that broadcast to a common shape, and an activation joined to it.
package struct ArithmeticLayer: Operator {
  package static let names = ["Add", "Sub", "Mul", "Div", "Pow", "Min", "Max"]

  let operation: Binary.Operation
  var after = FusedActivation.none

  package init(_ attributes: OperatorAttributes) throws {
    switch attributes.operatorName {
    case "Add": operation = .add
    case "Sub": operation = .subtract
    case "Mul": operation = .multiply
    case "Div": operation = .divide
    case "Pow": operation = .power
    case "Min": operation = .minimum
    default: operation = .maximum
    }
    let isVariadic = operation == .minimum || operation == .maximum
    try attributes.expect(inputs: isVariadic ? 1...1024 : 2...2)
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let operands = inputs.compactMap { $0 }
    if operation != .power, let other = operands.first(where: { $0.type != operands[0].type }) {
      throw OperatorError("it combines \(operands[0].type.rawValue) with \(other.type.rawValue)")
    }
    return [try Broadcasting.join(operands)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let operands = inputs.compactMap { $0 }
    return [try operands.dropFirst().reduce(operands[0]) { try evaluate($0, $1) }]
  }

  private func evaluate(_ left: Tensor, _ right: Tensor) throws -> Tensor {
    let shape = try Broadcasting.shape(left.shape, right.shape)
    let l = broadcastIndices(left.shape, to: shape)
    let r = broadcastIndices(right.shape, to: shape)
    if let a = left.integers, let b = right.integers, operation != .power {
      return Tensor(shape: shape, type: left.type, integers: try zip(l, r).map { try integer(a[$0], b[$1]) })
    }
    let a = left.doubles
    let b = right.doubles
    return Tensor(shape: shape, type: left.type, doubles: zip(l, r).map { number(a[$0], b[$1]) })
  }

  private func number(_ x: Double, _ y: Double) -> Double {
    let result =
      switch operation {
      case .add: x + y
      case .subtract: x - y
      case .multiply: x * y
      case .divide: x / y
      case .power: pow(x, y)
      case .minimum: x.isNaN || y.isNaN ? .nan : min(x, y)
      case .maximum: x.isNaN || y.isNaN ? .nan : max(x, y)
      }
    return after.number(result)
  }

  private func integer(_ x: Int, _ y: Int) throws -> Int {
    switch operation {
    case .add: return x &+ y
    case .subtract: return x &- y
    case .multiply: return x &* y
    case .divide:
      guard y != 0 else { throw OperatorError("it divides an integer by zero") }
      return x.dividedReportingOverflow(by: y).partialValue
    case .minimum: return min(x, y)
    case .maximum: return max(x, y)
    case .power: return 0
    }
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let output = node.outputs[0]!
    let name = lowering.graph.valueNames[output]
    let operands = node.inputs.compactMap { $0 }
    if operation == .power, after == .none, let exponent = lowering.constant(operands[1]), exponent.count == 1,
      lowering.shape(output) == lowering.shape(operands[0])
    {
      let base = try lowering.stored(operands[0])
      lowering.alias(output, try lowering.apply(.power(Float(exponent.doubles[0])), to: base, name: name))
      return
    }
    var result = try lowering.operand(operands[0])
    if operands.count == 1 { result = try lowering.stored(operands[0]) }
    for (index, operand) in operands.enumerated().dropFirst() {
      let right = try lowering.operand(operand)
      let shape = try Broadcasting.shape(result.layout.shape, right.layout.shape)
      result = try lowering.combine(
        operation, result, right, shape: shape, name: name, activation: index == operands.count - 1 ? after : .none)
    }
    lowering.alias(output, result)
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    try expression.express(operation, node)
  }

  package var layoutDemand: LayoutDemand { .passesOn }
  package var fusion: FusionTraits { FusionTraits(isAddition: operation == .add && after == .none) }

  package func absorbing(_ addition: Absorption) -> (any Operator)? {
    guard case .activation(let activation) = addition, after == .none, operation != .power else { return nil }
    var result = self
    result.after = activation
    return result
  }

  /// Adding a constant that varies along one axis only is a shift of the other operand.
  package func channelAffine(_ inputs: [Fact?], output: Fact) -> (ChannelAffine, of: Int)? {
    guard operation == .add, after == .none, inputs.count == 2 else { return nil }
    for position in 0..<2 {
      guard let constant = inputs[1 - position]?.constant, constant.type.isFloat,
        inputs[position]?.constant == nil, constant.shape.count <= output.rank
      else { continue }
      let offset = output.rank - constant.shape.count
      let wide = constant.shape.indices.filter { constant.shape[$0] != 1 }
      guard wide.count == 1 else { continue }
      let shift = constant.doubles
      return (
        ChannelAffine(scale: shift.map { _ in 1 }, shift: shift, axis: wide[0] + offset), of: position
      )
    }
    return nil
  }
}

/// The row-major index into an operand for every element of the shape that it is broadcast to.
func broadcastIndices(_ operand: [Int], to shape: [Int]) -> [Int] {
  let own = rowMajorStrides(operand)
  let offset = shape.count - operand.count
  let strides = shape.indices.map { $0 < offset || operand[$0 - offset] == 1 ? 0 : own[$0 - offset] }
  return stridedIndices(shape, strides)
}

extension FusedActivation {
  /// The function in Double.
  func number(_ x: Double) -> Double {
    switch self {
    case .none: x
    case .relu: x < 0 ? 0 : x
    case .clip(let low, let high): x < Double(low) ? Double(low) : x > Double(high) ? Double(high) : x
    }
  }
}
