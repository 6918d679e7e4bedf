import Graphs
import Networks
import Operators
import Tensors
import TestSupport
import Testing

/// Operators as relations between real neurons, one node at a time.
@Suite struct NetworkOperatorTests {
  /// Without bounds: rounding to even, and powers that differ from entry to entry.
  static let refused: Set<String> = ["round", "power of each"]

  @Test("The relations agree with ONNX Runtime", arguments: OperatorCase.all.filter { $0.inputs[0]!.type.isFloat })
  func operators(example: OperatorCase) throws {
    let graph = try example.graph()
    let result: Network
    do {
      result = try graph.network()
    } catch {
      #expect(Self.refused.contains(example.name), "\(example): \(error)")
      return
    }
    let found = result.outputs(example.inputs[0]!.doubles).map { Float($0) }
    let difference = relativeDifference(found, example.outputs.flatMap { $0.floats })
    #expect(difference < 5e-6, "\(example): \(difference)")
  }

  /// A node all of whose inputs are fed.
  static func graph(
    _ name: String, _ shapes: [[Int]], opset: Int = 13, _ attributes: [String: OperatorAttributes.Content] = [:]
  ) throws -> Graph {
    let inputs = shapes.map { Tensor(shape: $0, floats: .init(repeating: 0, count: $0.reduce(1, *))) }
    var graph = try singleNode(name, opset: opset, attributes, inputs: inputs)
    graph.inputs = inputs.indices.map {
      GraphInput(name: "x\($0)", value: $0, dimensions: shapes[$0].map { .fixed($0) }, type: .float32)
    }
    graph.constants = [:]
    return graph
  }

  @Test("Operators of several computed operands mean what they say", arguments: ComputedOperands.all)
  func computedOperands(operands: ComputedOperands) throws {
    let graph = try Self.graph(operands.name, operands.shapes, operands.attributes)
    let network = try graph.network()
    let shaped = try graph.shaped(batch: nil)
    for seed in 0..<20 {
      var generator = SeededGenerator(seed: UInt64(seed))
      let isComparison = ["Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"].contains(operands.name)
      let inputs = operands.shapes.enumerated().map { position, shape in
        Tensor(
          shape: shape,
          floats: (0..<shape.reduce(1, *)).map { _ in
            if operands.isTruth(position) { return Float(Int.random(in: 0...1, using: &generator)) }
            if isComparison { return Float(Int.random(in: -1...1, using: &generator)) }
            return Float.random(in: 0.5...2, using: &generator)
          })
      }
      let difference = try NetworkReference.difference(network, shaped, inputs)
      #expect(difference < 1e-12, "\(operands), seed \(seed): \(difference)")
    }
  }

  @Test func indicesOfLargestEntriesAreSumsOfTruths() throws {
    // Ties go to the first, or to the last if asked for.
    let input = Tensor(shape: [3, 4], floats: [1, 3, 3, 0, 5, 5, 5, 5, -2, -1, -3, -1])
    for (last, expected) in [(0, [1, 0, 1]), (1, [2, 3, 3])] {
      let attributes: [String: OperatorAttributes.Content] = [
        "axis": .integer(1), "keepdims": .integer(0), "select_last_index": .integer(last),
      ]
      let graph = try singleNode("ArgMax", attributes, inputs: [input])
      #expect(try ListRunner.evaluate(graph.shaped(batch: nil), [input])[0].integers == expected)
      #expect(try graph.network().outputs(input.doubles) == expected.map(Double.init))
    }
  }

  @Test func oneHotRowsComeFromComparisons() throws {
    // Index -1 is the last of three; index 5 does not exist.
    let input = Tensor(shape: [4], floats: [0, 2, -1, 5])
    let graph = try singleNode(
      "OneHot",
      inputs: [input, Tensor(shape: [1], type: .int64, integers: [3]), Tensor(shape: [2], floats: [2, 7])])
    let expected: [Float] = [7, 2, 2, 2, 2, 7, 2, 2, 7, 2, 2, 2]
    #expect(try ListRunner.evaluate(graph.shaped(batch: nil), [input])[0].floats == expected)
    #expect(try graph.network().outputs(input.doubles) == expected.map(Double.init))
  }

  @Test func resizingPicksTheNearestEntry() throws {
    // The standard's example resize_upsample_scales_nearest: 2 x 2 to 4 x 6.
    let input = Tensor(shape: [1, 1, 2, 2], floats: [1, 2, 3, 4])
    let scales = Tensor(shape: [4], floats: [1, 1, 2, 3])
    let expected: [Float] = [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 3, 3, 3, 4, 4, 4]
    for (name, opset, inputs) in [
      ("Resize", 13, [input, nil, scales]), ("Upsample", 9, [input, scales]),
    ] as [(String, Int, [Tensor?])] {
      let graph = try singleNode(name, opset: opset, inputs: inputs)
      #expect(try ListRunner.evaluate(graph.shaped(batch: nil), [input])[0].floats == expected)
      #expect(try graph.network().outputs(input.doubles) == expected.map(Double.init))
      let lowered = try graph.lower(batch: 1, precision: .float32)
      #expect(ListRunner.reference(lowered, [input])[0] == expected)
    }
  }

  @Test func everyOperatorWithoutBoundsIsNamed() throws {
    var graph = try Self.graph("Round", [[2]])
    graph.nodes.append(graph.nodes[0])
    graph.nodes[1].name = "second"
    graph.nodes[1].outputs = [2]
    graph.valueNames.append("z")
    graph.outputs = [1, 2]
    let error = #expect(throws: GraphError.self) { try graph.network() }
    #expect(error?.description.contains("Round (node node)") == true)
    #expect(error?.description.contains("Round (node second)") == true)
  }
}
