import Graphs
import Operators
import Tensors

/// A node with the numbers around which its inputs vary: what chains of operators are made of.
struct OperatorLink: Sendable, CustomStringConvertible {
  var name: String
  var operatorName: String
  var opset = 13
  var attributes: [String: OperatorAttributes.Content] = [:]
  var inputs: [Tensor?]
  /// Inputs that are computed; the others are constants.
  var computed: Set<Int> = [0]
  /// Computed inputs that are truths: whether a number is at least 1/2.
  var truths: Set<Int> = []
  var outputs = 1

  var description: String { name }

  /// Without slopes: steps and choices.
  var jumps: Bool {
    [
      "Sign", "Floor", "Ceil", "ArgMax", "OneHot", "Where", "And", "Or", "Not", "Equal", "Less", "Greater",
      "LessOrEqual", "GreaterOrEqual",
    ].contains(operatorName)
  }

  /// Every operator of the table that has a case: those of the fixtures, those of several computed operands, and the
  /// few that neither has. A new operator joins by its case in the fixtures.
  static let all: [OperatorLink] =
    OperatorCase.all.filter { $0.inputs[0]!.type.isFloat }.map {
      OperatorLink(
        name: $0.name, operatorName: $0.operatorName, opset: $0.opset, attributes: $0.attributes, inputs: $0.inputs,
        outputs: $0.outputs.count)
    } + ComputedOperands.all.map(computed) + others

  /// An operator whose operands are all computed, around numbers that differ from entry to entry.
  private static func computed(_ operands: ComputedOperands) -> OperatorLink {
    OperatorLink(
      name: "computed \(operands)", operatorName: operands.name, attributes: operands.attributes,
      inputs: operands.shapes.enumerated().map { position, shape in
        Tensor(
          shape: shape,
          floats: (0..<shape.reduce(1, *)).map { entry in
            operands.isTruth(position) ? Float(entry % 2) : 0.5 + Float((5 * entry + 3 * position) % 7) / 8
          })
      }, computed: Set(operands.shapes.indices), truths: Set(operands.shapes.indices.filter(operands.isTruth)))
  }

  private static let others: [OperatorLink] = [
    OperatorLink(
      name: "largest", operatorName: "ArgMax", attributes: ["axis": .integer(1), "keepdims": .integer(0)],
      inputs: [Tensor(shape: [2, 3], floats: [0.1, 0.2, 0.15, -1, 0.5, 0.4])]),
    OperatorLink(
      name: "one hot", operatorName: "OneHot",
      inputs: [
        Tensor(shape: [3], floats: [0, 1, 2]), Tensor(shape: [1], type: .int64, integers: [3]),
        Tensor(shape: [2], floats: [2, 7]),
      ]),
    OperatorLink(
      name: "resize", operatorName: "Resize",
      inputs: [Tensor(shape: [1, 1, 2, 2], floats: [1, 2, -3, 4]), nil, Tensor(shape: [4], floats: [1, 1, 2, 3])]),
    OperatorLink(
      name: "upsample", operatorName: "Upsample", opset: 9,
      inputs: [Tensor(shape: [1, 1, 2, 2], floats: [1, 2, -3, 4]), Tensor(shape: [4], floats: [1, 1, 2, 3])]),
    OperatorLink(
      name: "cast", operatorName: "Cast", attributes: ["to": .integer(1)],
      inputs: [Tensor(shape: [3], floats: [-1.5, 0, 2])]),
  ]

  func operation() throws -> any Operator {
    try OperatorTable.byName[operatorName]!.init(
      OperatorAttributes(
        operatorName: operatorName, opset: opset, inputs: inputs.map { $0 != nil },
        outputs: [Bool](repeating: true, count: outputs), contents: attributes))
  }
}

/// Operators with shapes of operands that are all computed.
struct ComputedOperands: Sendable, CustomStringConvertible {
  var name: String
  var shapes: [[Int]]

  init(_ name: String, _ shapes: [[Int]]) { (self.name, self.shapes) = (name, shapes) }

  var description: String { "\(name) \(shapes)" }
  var attributes: [String: OperatorAttributes.Content] { name == "Concat" ? ["axis": .integer(1)] : [:] }

  /// Whether an operand is 0 or 1.
  func isTruth(_ position: Int) -> Bool { ["And", "Or", "Not"].contains(name) || name == "Where" && position == 0 }

  static let all: [ComputedOperands] = [
    .init("Add", [[2, 3], [2, 3]]), .init("Add", [[2, 3], [3]]), .init("Sub", [[3], [2, 3]]),
    .init("Mul", [[2, 3], [2, 1]]), .init("Div", [[2, 3], [2, 1]]), .init("Max", [[2, 3], [3]]),
    .init("Min", [[2, 3], [3], [2, 1]]), .init("MatMul", [[2, 3], [3, 4]]), .init("MatMul", [[2, 2, 3], [3, 4]]),
    .init("MatMul", [[3], [2, 3, 2]]), .init("Equal", [[2, 3], [3]]), .init("Less", [[2, 3], [3]]),
    .init("Greater", [[2, 3], [3]]), .init("LessOrEqual", [[2, 3], [3]]), .init("GreaterOrEqual", [[2, 3], [3]]),
    .init("Concat", [[2, 3], [2, 1]]), .init("Where", [[2, 3], [3], [2, 1]]), .init("And", [[2, 3], [3]]),
    .init("Or", [[2, 3], [3]]), .init("Not", [[4]]),
  ]
}
