import Graphs
import Networks
import Operators
import Tensors
import TestSupport

/// Operators one after another, with a dense map before each that lets its inputs vary around the numbers of its case:
/// x [1, 3], then Gemm, Reshape, operator and Reshape for each link, then Gemm, Relu and Gemm over all their outputs.
struct OperatorChain {
  /// How far the inputs of an operator move: by a fixed distance, so that signs change, or in proportion, so that no
  /// logarithm or root meets a negative number.
  enum Reach: Sendable, CaseIterable {
    case fixed, relative

    func radius(_ centre: Double) -> Double {
      switch self {
      case .fixed: 0.25
      case .relative: 0.4 * centre.magnitude
      }
    }
  }

  let links: [OperatorLink]
  private var generator: SeededGenerator
  private let reach: Reach
  private var names = ["x"]
  private var nodes: [GraphNode] = []
  private var constants: [ValueID: Tensor] = [:]

  /// A vector [1, count] with the values that it has where x is 0.
  private struct Vector {
    var value: ValueID
    var centre: [Double]
  }

  /// The graph of a chain; with `endsPlainly` the last Relu is left out.
  static func graph(
    _ links: [OperatorLink], seed: UInt64, reach: Reach, endsPlainly: Bool = false
  ) throws -> Graph {
    var chain = OperatorChain(links: links, generator: SeededGenerator(seed: seed), reach: reach)
    return try chain.make(endsPlainly)
  }

  private init(links: [OperatorLink], generator: SeededGenerator, reach: Reach) {
    (self.links, self.generator, self.reach) = (links, generator, reach)
  }

  private mutating func value() -> ValueID {
    names.append("v\(names.count)")
    return names.count - 1
  }

  private mutating func constant(_ tensor: Tensor) -> ValueID {
    let id = value()
    constants[id] = tensor
    return id
  }

  private mutating func add(
    _ name: String, _ operation: any Operator, _ inputs: [ValueID?], outputs: Int = 1
  ) -> [ValueID] {
    let results = (0..<outputs).map { _ in value() }
    nodes.append(
      GraphNode(
        name: "n\(nodes.count)", operatorName: name, operation: operation, inputs: inputs, outputs: results))
    return results
  }

  private mutating func add(
    _ name: String, _ inputs: [ValueID], _ attributes: [String: OperatorAttributes.Content] = [:]
  ) throws -> ValueID {
    let reader = OperatorAttributes(
      operatorName: name, opset: 13, inputs: inputs.map { _ in true }, contents: attributes)
    return add(name, try OperatorTable.byName[name]!.init(reader), inputs)[0]
  }

  private mutating func reshape(_ input: ValueID, _ shape: [Int]) throws -> ValueID {
    try add("Reshape", [input, constant(Tensor(shape: [shape.count], type: .int64, integers: shape))])
  }

  /// A dense map whose outputs are `centre` where x is 0, and move by about `radius` there.
  private mutating func dense(_ source: Vector, centre: [Double], radius: [Double]) throws -> ValueID {
    let (rows, columns) = (source.centre.count, centre.count)
    var weights = [Float](repeating: 0, count: rows * columns)
    var bias = centre
    for row in 0..<rows {
      let scale = Double(rows) * max(1, source.centre[row].magnitude)
      for column in 0..<columns {
        let weight = Float(Double.random(in: -1...1, using: &generator) * radius[column] / scale)
        weights[row * columns + column] = weight
        bias[column] -= Double(weight) * source.centre[row]
      }
    }
    return try add(
      "Gemm",
      [
        source.value, constant(Tensor(shape: [rows, columns], floats: weights)),
        constant(Tensor(shape: [columns], floats: bias.map { Float($0) })),
      ])
  }

  private mutating func append(_ link: OperatorLink, _ source: Vector) throws -> Vector {
    let operation = try link.operation()
    let results = try operation.evaluate(link.inputs)
    let inputs = try link.inputs.enumerated().map { position, tensor -> ValueID? in
      guard let tensor else { return nil }
      guard link.computed.contains(position) else { return constant(tensor) }
      let isTruth = link.truths.contains(position)
      let centre = isTruth ? tensor.doubles.map { 0.4 + 0.2 * $0 } : tensor.doubles
      let numbers = try reshape(dense(source, centre: centre, radius: centre.map(reach.radius)), tensor.shape)
      return isTruth ? try add("GreaterOrEqual", [numbers, constant(Tensor(shape: [1], floats: [0.5]))]) : numbers
    }
    let outputs = try zip(add(link.operatorName, operation, inputs, outputs: link.outputs), results).map {
      value, result in
      let number = result.type.isFloat ? value : try add("Cast", [value], ["to": .integer(1)])
      return try reshape(number, [1, -1])
    }
    return Vector(value: try joined(outputs), centre: results.flatMap(\.doubles))
  }

  private mutating func joined(_ vectors: [ValueID]) throws -> ValueID {
    vectors.count == 1 ? vectors[0] : try add("Concat", vectors, ["axis": .integer(1)])
  }

  private mutating func make(_ endsPlainly: Bool) throws -> Graph {
    var found: [Vector] = []
    for link in links { found.append(try append(link, found.last ?? Vector(value: 0, centre: [0, 0, 0]))) }
    var all = Vector(value: try joined(found.map(\.value)), centre: found.flatMap(\.centre))
    if !endsPlainly {
      let hidden = try dense(all, centre: .init(repeating: 0, count: 6), radius: .init(repeating: 2, count: 6))
      all = Vector(value: try add("Relu", [hidden]), centre: .init(repeating: 0, count: 6))
    }
    let output = try dense(all, centre: [0.1, -0.1], radius: [4, 4])
    return Graph(
      name: "chain", valueNames: names, nodes: nodes,
      inputs: [GraphInput(name: "x", value: 0, dimensions: [.fixed(1), .fixed(3)], type: .float32)],
      outputs: [output], constants: constants, opset: 13)
  }
}
