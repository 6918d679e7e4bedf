import Graphs
import ONNXImport
import Operators
import Tensors
import TestSupport
import Testing

/// A single node with inputs and the outputs that ONNX Runtime computed, from Tests/ModelFixtures/operators.txt.
struct OperatorCase: Sendable, CustomStringConvertible {
  let name: String
  let operatorName: String
  let opset: Int
  let attributes: [String: OperatorAttributes.Content]
  let inputs: [Tensor?]
  let outputs: [Tensor]

  var description: String { name }

  static let all: [OperatorCase] = {
    let path = TestData.packageRoot + "/Tests/ModelFixtures/operators.txt"
    return (try? TestData.lines(path))?.filter { !$0.hasPrefix("#") }.map(OperatorCase.init) ?? []
  }()

  init(_ line: String) {
    let fields = line.split(separator: "|").map { $0.split(separator: " ").map(String.init) }
    name = fields[0].joined(separator: " ")
    operatorName = fields[1][0]
    opset = Int(fields[1][1])!
    var contents: [String: OperatorAttributes.Content] = [:]
    for field in fields[2] {
      let parts = field.split(separator: "=").map(String.init)
      let text = String(parts[1].dropFirst())
      contents[parts[0]] =
        switch parts[1].first {
        case "i": .integer(Int(text)!)
        case "f": .float(Float(text)!)
        case "s": .string(text)
        default: .integers(text.split(separator: ",").map { Int($0)! })
        }
    }
    attributes = contents
    inputs = fields[3].map(Self.tensor)
    outputs = fields[4].map { Self.tensor($0)! }
  }

  private static func tensor(_ text: String) -> Tensor? {
    if text == "-" { return nil }
    let parts = text.dropFirst().split(separator: ":", omittingEmptySubsequences: false)
    let shape = parts[0].split(separator: "x").map { Int($0)! }
    let numbers = parts[1].split(separator: ",")
    if text.first == "i" { return Tensor(shape: shape, type: .int64, integers: numbers.map { Int($0)! }) }
    return Tensor(shape: shape, floats: numbers.map { Float($0)! })
  }

  /// The node alone: the first input is fed, the others are constants.
  func graph() throws -> Graph {
    try singleNode(operatorName, opset: opset, attributes, inputs: inputs, outputs: outputs.count)
  }
}

/// A graph of one node whose first input is fed and whose other inputs are constants.
func singleNode(
  _ operatorName: String, opset: Int = 13, _ attributes: [String: OperatorAttributes.Content] = [:],
  inputs: [Tensor?], outputs: Int = 1
) throws -> Graph {
  let reader = OperatorAttributes(
    operatorName: operatorName, opset: opset, inputs: inputs.map { $0 != nil },
    outputs: [Bool](repeating: true, count: outputs), contents: attributes)
  let type = try #require(OperatorTable.byName[operatorName])
  let operation = try type.init(reader)
  if !reader.unread.isEmpty { throw OperatorError("not understood: \(reader.unread)") }
  var constants: [ValueID: Tensor] = [:]
  for (index, input) in inputs.enumerated().dropFirst() { constants[index] = input }
  let results = (0..<outputs).map { inputs.count + $0 }
  let first = inputs[0]!
  return Graph(
    name: operatorName, valueNames: inputs.indices.map { "x\($0)" } + results.map { "y\($0)" },
    nodes: [
      GraphNode(
        name: "node", operatorName: operatorName, operation: operation,
        inputs: inputs.enumerated().map { $1 == nil ? nil : $0 }, outputs: results)
    ],
    inputs: [GraphInput(name: "x0", value: 0, dimensions: first.shape.map { .fixed($0) }, type: first.type)],
    outputs: results, constants: constants, opset: opset)
}
