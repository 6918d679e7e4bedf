import Graphs
import Operators
import Tensors
import Testing

/// What becomes a batch and what is refused, with the node named.
@Suite struct BatchTests {
  /// A graph written as lines "name: Operator in in -> out" over the input x.
  struct Sketch {
    var dimensions: [GraphInput.Dimension]
    var constants: [String: Tensor] = [:]
    var nodes:
      [(operatorName: String, inputs: [String], output: String, attributes: [String: OperatorAttributes.Content])]
    var output: String

    func graph() throws -> Graph {
      var names = ["x"]
      func id(_ name: String) -> ValueID {
        if let known = names.firstIndex(of: name) { return known }
        names.append(name)
        return names.count - 1
      }
      var tensors: [ValueID: Tensor] = [:]
      for (name, tensor) in constants.sorted(by: { $0.key < $1.key }) { tensors[id(name)] = tensor }
      let nodes = try self.nodes.map { node in
        let reader = OperatorAttributes(
          operatorName: node.operatorName, opset: 13, inputs: node.inputs.map { _ in true }, contents: node.attributes)
        return GraphNode(
          name: "make_" + node.output, operatorName: node.operatorName,
          operation: try OperatorTable.byName[node.operatorName]!.init(reader), inputs: node.inputs.map(id),
          outputs: [id(node.output)])
      }
      return Graph(
        name: "sketch", valueNames: names, nodes: nodes,
        inputs: [GraphInput(name: "x", value: 0, dimensions: dimensions, type: .float32)], outputs: [id(output)],
        constants: tensors, opset: 13)
    }
  }

  static func integers(_ numbers: Int...) -> Tensor { Tensor(shape: [numbers.count], type: .int64, integers: numbers) }

  @Test("A model that mixes samples is refused and the node is named", arguments: 0..<9)
  func mixing(index: Int) throws {
    let open: [GraphInput.Dimension] = [.symbolic("N"), .fixed(4)]
    let one: [GraphInput.Dimension] = [.fixed(1), .fixed(4)]
    let sketches: [Sketch] = [
      Sketch(dimensions: open, nodes: [("ReduceMean", ["x"], "y", ["axes": .integers([0])])], output: "y"),
      Sketch(dimensions: one, nodes: [("Softmax", ["x"], "y", ["axis": .integer(0)])], output: "y"),
      Sketch(dimensions: open, nodes: [("Concat", ["x", "x"], "y", ["axis": .integer(0)])], output: "y"),
      Sketch(
        dimensions: open, nodes: [("Transpose", ["x"], "t", [:]), ("MatMul", ["x", "t"], "y", [:])], output: "y"),
      Sketch(
        dimensions: open, constants: ["s": Self.integers(-1)], nodes: [("Reshape", ["x", "s"], "y", [:])], output: "y"),
      Sketch(
        dimensions: open, constants: ["i": Self.integers(0)],
        nodes: [("Gather", ["x", "i"], "y", ["axis": .integer(0)])], output: "y"),
      // Every sample gets a number of its own.
      Sketch(
        dimensions: [.symbolic("N"), .fixed(4)], constants: ["c": Tensor(shape: [3, 1], floats: [1, 2, 3])],
        nodes: [("Mul", ["x", "c"], "y", [:])], output: "y"),
      // The sum over features is divided by the size of the batch.
      Sketch(
        dimensions: open, constants: ["i": Self.integers(0)],
        nodes: [
          ("Shape", ["x"], "s", [:]), ("Gather", ["s", "i"], "n", [:]), ("Cast", ["n"], "f", ["to": .integer(1)]),
          ("Div", ["x", "f"], "y", [:]),
        ], output: "y"),
      // The samples end up in the second axis.
      Sketch(dimensions: open, nodes: [("Transpose", ["x"], "y", [:])], output: "y"),
    ]
    let sketch = sketches[index]
    let error = #expect(throws: GraphError.self) { try sketch.graph().shaped(batch: 3) }
    guard case .batch(let reason)? = error else {
      Issue.record("case \(index): \(String(describing: error))")
      return
    }
    #expect(reason.contains("make_") || index == 8, "\(reason)")
  }

  @Test func aTargetThatFixesOneSampleBecomesTheBatch() throws {
    // [1, 3, 4] to [1, -1]; with three samples the 3 of the input must not be taken for the batch.
    let sketch = Sketch(
      dimensions: [.fixed(1), .fixed(3), .fixed(4)],
      constants: ["s": Self.integers(1, 3, -1), "t": Self.integers(1, -1)],
      nodes: [("Reshape", ["x", "s"], "r", [:]), ("Reshape", ["r", "t"], "y", [:])], output: "y")
    for batch in 1...5 {
      let shaped = try sketch.graph().shaped(batch: batch)
      #expect(shaped.fact(shaped.outputs[0]).shape == [batch, 12])
      #expect(shaped.fact(shaped.nodes[0].outputs[0]!).shape == [batch, 3, 4])
    }
  }

  @Test func aNumberFromTheShapeOfOneSampleIsAllowed() throws {
    // Attention divides by the square root of a width read from Shape.
    let sketch = Sketch(
      dimensions: [.symbolic("N"), .fixed(4)], constants: ["i": Self.integers(1)],
      nodes: [
        ("Shape", ["x"], "s", [:]), ("Gather", ["s", "i"], "n", [:]), ("Cast", ["n"], "f", ["to": .integer(1)]),
        ("Sqrt", ["f"], "r", [:]), ("Div", ["x", "r"], "y", [:]),
      ], output: "y")
    let shaped = try sketch.graph().shaped(batch: 3)
    #expect(shaped.nodes.map(\.operatorName) == ["Div"])
    #expect(shaped.fact(shaped.nodes[0].inputs[1]!).constant?.floats == [2])
  }

  @Test func aTokenRepeatedForEverySampleIsAllowed() throws {
    // A class token of shape [1, 4] expanded to [N, 4] and joined to [N, 4].
    let sketch = Sketch(
      dimensions: [.symbolic("N"), .fixed(4)], constants: ["token": Tensor(shape: [1, 4], floats: [1, 2, 3, 4])],
      nodes: [
        ("Shape", ["x"], "s", [:]), ("Expand", ["token", "s"], "e", [:]),
        ("Concat", ["e", "x"], "y", ["axis": .integer(1)]),
      ], output: "y")
    let lowered = try sketch.graph().lower(batch: 2, precision: .float32)
    let output = ListRunner.reference(lowered, [Tensor(shape: [2, 4], floats: [5, 6, 7, 8, 9, 10, 11, 12])])[0]
    #expect(output == [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 9, 10, 11, 12])
  }

  @Test func aModelWithoutALeadingDimensionToUseIsRefused() throws {
    let sketch = Sketch(dimensions: [.fixed(5), .fixed(4)], nodes: [("Relu", ["x"], "y", [:])], output: "y")
    #expect(throws: GraphError.self) { try sketch.graph().shaped(batch: 2) }
    #expect(try sketch.graph().shaped(batch: nil).fact(sketch.graph().outputs[0]).shape == [5, 4])
  }

  @Test func openDimensionsNeedASize() throws {
    let sketch = Sketch(
      dimensions: [.symbolic("N"), .symbolic("L")], nodes: [("Relu", ["x"], "y", [:])], output: "y")
    #expect(throws: GraphError.self) { try sketch.graph().shaped(batch: 2) }
    let shaped = try sketch.graph().shaped(batch: 2, dimensions: ["L": 7])
    #expect(shaped.fact(shaped.outputs[0]).shape == [2, 7])
  }

  @Test func imagesAreFedChannelsLast() throws {
    // [N, 2, 3, 3] into a convolution: element (c, h, w) stands at (h 3 + w) 2 + c.
    let sketch = Sketch(
      dimensions: [.symbolic("N"), .fixed(2), .fixed(3), .fixed(3)],
      constants: ["w": Tensor(shape: [1, 2, 3, 3], floats: .init(repeating: 1, count: 18))],
      nodes: [("Relu", ["x"], "r", [:]), ("Conv", ["r", "w"], "y", [:])], output: "y")
    let placement = try sketch.graph().plan(batch: 4, precision: .float32).inputs[0]
    #expect(placement.physicalShape == [4, 3, 3, 2])
    #expect(placement.physicalIndex(1 * 9 + 2 * 3 + 1) == (2 * 3 + 1) * 2 + 1)
    #expect(placement.physicalStride(logicalStride: 9, extent: 2) == 1)
    #expect(placement.physicalStride(logicalStride: 3, extent: 3) == 6)
    #expect(placement.physicalStride(logicalStride: 1, extent: 3) == 2)
    #expect(placement.physicalStride(logicalStride: 1, extent: 9) == 2)
    #expect(placement.physicalStride(logicalStride: 1, extent: 18) == nil)
  }
}
