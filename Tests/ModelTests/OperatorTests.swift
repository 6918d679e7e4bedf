import CPUCompute
import Compute
import Graphs
import Operators
import Tensors
import TestSupport
import Testing

/// Operators against ONNX Runtime, one node at a time, in every form: the definition, the steps it is lowered to, and
/// these steps on the CPU.
@Suite struct OperatorTests {
  static let tolerance: Float = 2e-6

  @Test func thereAreCasesForEveryRunTimeOperator() {
    #expect(OperatorCase.all.count > 100)
    let covered = Set(OperatorCase.all.map(\.operatorName))
    // Computed only when the model is loaded, or tested below and by the models.
    let elsewhere: Set<String> = [
      "Constant", "ConstantOfShape", "Shape", "Cast", "Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual",
      "And", "Or", "Not", "Where", "QuantizeLinear", "DequantizeLinear", "ArgMax", "OneHot", "Resize", "Upsample",
    ]
    #expect(Set(OperatorTable.byName.keys).subtracting(covered) == elsewhere)
  }

  @Test("The definition agrees with ONNX Runtime", arguments: OperatorCase.all)
  func definition(example: OperatorCase) throws {
    let shaped = try example.graph().shaped(batch: nil)
    let outputs = try ListRunner.evaluate(shaped, [example.inputs[0]!])
    for (output, expected) in zip(outputs, example.outputs) {
      #expect(output.shape == expected.shape)
      let difference = relativeDifference(output.floats, expected.floats)
      #expect(difference < Self.tolerance, "\(example): \(difference)")
    }
  }

  @Test("The lowered steps agree with ONNX Runtime", arguments: OperatorCase.all)
  func lowered(example: OperatorCase) async throws {
    var shaped = try example.graph().shaped(batch: nil)
    shaped.rewrite()
    let lowered = try LoweringPlan(shaped, precision: .float32).lowered()
    #expect(lowered.outputShapes == example.outputs.map(\.shape))
    let byDefinition = ListRunner.reference(lowered, [example.inputs[0]!])
    let onCPU = try await ListRunner.run(lowered, on: CPUDevice(), [example.inputs[0]!])
    for (index, expected) in example.outputs.enumerated() {
      for (kind, output) in [("definition", byDefinition[index]), ("CPU", onCPU[index])] {
        let difference = relativeDifference(output, expected.floats)
        #expect(difference < Self.tolerance, "\(example), \(kind): \(difference)")
      }
    }
  }

  @Test func maximumPoolWithCeilModeByHand() throws {
    // Windows of 2 at stride 2 over 1 2 3 4 5: [1 2] [3 4] [5 -]; floor mode has no third window.
    let input = Tensor(shape: [1, 1, 5], floats: [1, 2, 3, 4, 5])
    for (ceil, expected) in [(1, [2, 4, 5] as [Float]), (0, [2, 4])] {
      let graph = try singleNode(
        "MaxPool", ["kernel_shape": .integers([2]), "strides": .integers([2]), "ceil_mode": .integer(ceil)],
        inputs: [input])
      #expect(try ListRunner.evaluate(graph.shaped(batch: nil), [input])[0].floats == expected)
    }
  }

  @Test func samePaddingPutsTheOddCellWhereItsNameSays() throws {
    // Four cells, kernel 2, stride 1: one cell of padding, after (upper) or before (lower) the signal.
    let input = Tensor(shape: [1, 1, 4], floats: [1, 2, 3, 4])
    let filter = Tensor(shape: [1, 1, 2], floats: [1, 10])
    for (mode, expected) in [("SAME_UPPER", [21, 32, 43, 4] as [Float]), ("SAME_LOWER", [10, 21, 32, 43])] {
      let graph = try singleNode("Conv", ["auto_pad": .string(mode)], inputs: [input, filter])
      #expect(try ListRunner.evaluate(graph.shaped(batch: nil), [input])[0].floats == expected)
    }
  }

  @Test func softmaxChangedItsMeaningAtOperatorSet13() throws {
    // Four equal numbers in [1, 2, 2]: one sum over four before, sums over two since.
    let input = Tensor(shape: [1, 2, 2], floats: [0, 0, 0, 0])
    for (opset, expected) in [(12, 0.25 as Float), (13, 0.5)] {
      let graph = try singleNode("Softmax", opset: opset, ["axis": .integer(1)], inputs: [input])
      #expect(
        try ListRunner.evaluate(graph.shaped(batch: nil), [input])[0].floats == [
          expected, expected, expected, expected,
        ])
    }
  }

  @Test func weightsWithOneScalePerChannelAreDequantized() throws {
    // (q - zero) scale along axis 1: (1 - 1) 0.5 = 0, (2 - 0) 2 = 4, (-3 - 1) 0.5 = -2, (4 - 0) 2 = 8.
    let layer = try DequantizeLayer(
      OperatorAttributes(operatorName: "DequantizeLinear", opset: 13, inputs: [true, true, true]))
    let result = try layer.evaluate([
      Tensor(shape: [2, 2], type: .int8, integers: [1, 2, -3, 4]), Tensor(shape: [2], floats: [0.5, 2]),
      Tensor(shape: [2], type: .int8, integers: [1, 0]),
    ])
    #expect(result[0].floats == [0, 4, -2, 8])
  }

  @Test func quantizationRoundsTiesToEvenAndClamps() throws {
    // x / 0.5: 0.5 -> 0, 1.5 -> 2, 2.5 -> 2, -1.5 -> -2, 1000 -> clamped; plus the zero point 3, in 0...255.
    let input = Tensor(shape: [1, 5], floats: [0.25, 0.75, 1.25, -0.75, 500])
    let graph = try singleNode(
      "QuantizeLinear",
      inputs: [input, Tensor(shape: [], floats: [0.5]), Tensor(shape: [], type: .uint8, integers: [3])])
    #expect(try ListRunner.evaluate(graph.shaped(batch: nil), [input])[0].integers == [3, 5, 5, 1, 255])
  }

  @Test func quantizedActivationsRunAsFloats() async throws {
    // As above, then back: (q - 3) 0.5.
    let sketch = BatchTests.Sketch(
      dimensions: [.symbolic("N"), .fixed(5)],
      constants: ["scale": Tensor(shape: [], floats: [0.5]), "zero": Tensor(shape: [], type: .uint8, integers: [3])],
      nodes: [
        ("QuantizeLinear", ["x", "scale", "zero"], "q", [:]), ("DequantizeLinear", ["q", "scale", "zero"], "y", [:]),
      ], output: "y")
    let lowered = try sketch.graph().lower(batch: 1, precision: .float32)
    let input = Tensor(shape: [1, 5], floats: [0.25, 0.75, 1.25, -0.75, 500])
    #expect(try await ListRunner.run(lowered, on: CPUDevice(), [input])[0] == [0, 1, 1, -1, 126])
  }

  @Test func constantsAreBuiltFromShapes() throws {
    let value = OperatorAttributes.Content.tensor(Tensor(shape: [1], type: .int64, integers: [7]))
    let layer = try ConstantOfShapeLayer(
      OperatorAttributes(operatorName: "ConstantOfShape", opset: 13, inputs: [true], contents: ["value": value]))
    #expect(try layer.evaluate([Tensor(shape: [2], type: .int64, integers: [2, 1])])[0].integers == [7, 7])
    let shape = try ShapeLayer(
      OperatorAttributes(
        operatorName: "Shape", opset: 15, inputs: [true], contents: ["start": .integer(-2), "end": .integer(3)]))
    #expect(shape.known([Fact(shape: [4, 5, 6], type: .float32)])?.first?.integers == [5, 6])
  }

  @Test func castsTruncateAndSaturate() throws {
    let layer = try CastLayer(
      OperatorAttributes(operatorName: "Cast", opset: 13, inputs: [true], contents: ["to": .integer(3)]))
    let result = try layer.evaluate([Tensor(shape: [4], floats: [-1.9, 2.5, 300, .nan])])
    #expect(result[0].integers == [-1, 2, 127, 0])
  }

  @Test func choicesAndComparisonsBroadcast() throws {
    let equal = try ComparisonLayer(OperatorAttributes(operatorName: "Equal", opset: 13, inputs: [true, true]))
    let truth = try equal.evaluate([
      Tensor(shape: [3], type: .int64, integers: [-1, 4, -1]), Tensor(shape: [], type: .int64, integers: [-1]),
    ])[0]
    #expect(truth.integers == [1, 0, 1])
    let choice = try WhereLayer(OperatorAttributes(operatorName: "Where", opset: 13, inputs: [true, true, true]))
    let result = try choice.evaluate([
      truth, Tensor(shape: [1], type: .int64, integers: [9]), Tensor(shape: [3], type: .int64, integers: [1, 2, 3]),
    ])
    #expect(result[0].integers == [9, 2, 9])
  }

  @Test(
    "What an operator does not understand is an error",
    arguments: [
      ("Conv", "dilation", OperatorAttributes.Content.integers([1, 1])),
      ("Conv", "auto_pad", .string("SAME")),
      ("MaxPool", "ceil_mode", .integer(2)),
      ("Softmax", "axis", .float(1)),
      ("BatchNormalization", "training_mode", .integer(1)),
    ])
  func attributes(operatorName: String, attribute: String, content: OperatorAttributes.Content) throws {
    let input = Tensor(shape: [1, 1, 3, 3], floats: .init(repeating: 1, count: 9))
    var inputs = [input, input]
    var contents = [attribute: content]
    if operatorName == "MaxPool" { contents["kernel_shape"] = .integers([2, 2]) }
    if operatorName != "Conv" { inputs = [input] }
    if operatorName == "BatchNormalization" {
      inputs = [input] + (0..<4).map { _ in Tensor(shape: [1], floats: [1]) }
    }
    #expect(throws: OperatorError.self) { try singleNode(operatorName, opset: 14, contents, inputs: inputs) }
  }
}
