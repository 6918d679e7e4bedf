import CPUCompute
import Compute
import Graphs
import Operators
import Tensors
import TestSupport
import Testing

/// Random small networks: what they are lowered to equals the definitions of their operators as written.
@Suite struct RandomGraphTests {
  @Test("Rewriting and lowering keep the function", arguments: 0..<60)
  func lowering(seed: Int) async throws {
    var maker = RandomNetwork(seed: UInt64(seed))
    let graph = try maker.make()
    let batch = 3
    let plain = try graph.shaped(batch: batch)
    let input = maker.tensor(plain.fact(graph.inputs[0].value).shape)
    let expected = try ListRunner.evaluate(plain, [input])[0].floats
    let lowered = try graph.lower(batch: batch, precision: .float32)
    let nodes = graph.nodes.map(\.operatorName).joined(separator: " ")
    let byDefinition = relativeDifference(ListRunner.reference(lowered, [input])[0], expected)
    let onCPU = relativeDifference(try await ListRunner.run(lowered, on: CPUDevice(), [input])[0], expected)
    #expect(byDefinition < 2e-5, "seed \(seed): \(byDefinition) (\(nodes))")
    #expect(onCPU < 2e-5, "seed \(seed): \(onCPU) (\(nodes))")
  }
}

/// Draws networks over images and vectors, with branches, residual sums, transposes and reshapes.
struct RandomNetwork {
  private var generator: SeededGenerator
  private var names: [String] = []
  private var nodes: [GraphNode] = []
  private var constants: [ValueID: Tensor] = [:]

  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  mutating func tensor(_ shape: [Int]) -> Tensor {
    Tensor(shape: shape, floats: (0..<shape.reduce(1, *)).map { _ in Float.random(in: -1...1, using: &generator) })
  }

  private mutating func draw(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

  private mutating func value() -> ValueID {
    names.append("v\(names.count)")
    return names.count - 1
  }

  private mutating func constant(_ tensor: Tensor) -> ValueID {
    let id = value()
    constants[id] = tensor
    return id
  }

  private mutating func integers(_ numbers: [Int]) -> ValueID {
    constant(Tensor(shape: [numbers.count], type: .int64, integers: numbers))
  }

  private mutating func add(
    _ name: String, _ inputs: [ValueID], _ attributes: [String: OperatorAttributes.Content] = [:]
  ) throws -> ValueID {
    let reader = OperatorAttributes(
      operatorName: name, opset: 13, inputs: inputs.map { _ in true }, contents: attributes)
    let output = value()
    nodes.append(
      GraphNode(
        name: "n\(nodes.count)", operatorName: name, operation: try OperatorTable.byName[name]!.init(reader),
        inputs: inputs, outputs: [output]))
    return output
  }

  /// [1 to become the batch, C, H, W] in and [batch, K] out.
  mutating func make() throws -> Graph {
    let input = value()
    var shape = [1, draw(1...3), draw(3...6), draw(3...6)]
    let first = shape
    var current = input
    for _ in 0..<draw(1...6) { (current, shape) = try layer(current, shape) }
    if draw(0...1) == 0 { current = try add("Transpose", [current], ["perm": .integers([0, 2, 3, 1])]) }
    if draw(0...1) == 0 {
      current = try add("Flatten", [current])
    } else {
      current = try add("Reshape", [current, integers([1, -1])])
    }
    let width = shape[1...].reduce(1, *)
    let outputs = draw(1...4)
    if draw(0...1) == 0 {
      let weights = constant(tensor([width, outputs]))
      current = try add("MatMul", [current, weights])
      current = try add("Add", [current, constant(tensor([outputs]))])
    } else {
      let weights = constant(tensor([outputs, width]))
      current = try add("Gemm", [current, weights, constant(tensor([outputs]))], ["transB": .integer(1)])
    }
    return Graph(
      name: "random", valueNames: names, nodes: nodes,
      inputs: [GraphInput(name: "x", value: input, dimensions: first.map { .fixed($0) }, type: .float32)],
      outputs: [current], constants: constants, opset: 13)
  }

  private mutating func layer(_ input: ValueID, _ shape: [Int]) throws -> (ValueID, [Int]) {
    let channels = shape[1]
    switch draw(0...9) {
    case 0, 1:
      let outputs = draw(1...4)
      let filter = constant(tensor([outputs, channels, 3, 3]))
      var result = try add("Conv", [input, filter], ["pads": .integers([1, 1, 1, 1])])
      if draw(0...1) == 0 { result = try normalization(result, outputs) }
      return (result, [1, outputs, shape[2], shape[3]])
    case 2:
      let filter = constant(tensor([channels, 1, 3, 3]))
      return (
        try add("Conv", [input, filter], ["pads": .integers([1, 1, 1, 1]), "group": .integer(channels)]), shape
      )
    case 3: return (try normalization(input, channels), shape)
    case 4:
      return (
        try add(
          draw(0...1) == 0 ? "MaxPool" : "AveragePool", [input],
          ["kernel_shape": .integers([3, 3]), "pads": .integers([1, 1, 1, 1])]), shape
      )
    case 5:
      // A block whose end adds its beginning.
      let filter = constant(tensor([channels, channels, 1, 1]))
      var branch = try add("Conv", [input, filter, constant(tensor([channels]))])
      if draw(0...1) == 0 { branch = try add("Relu", [branch]) }
      let sum = try add("Add", draw(0...1) == 0 ? [branch, input] : [input, branch])
      return (try add("Relu", [sum]), shape)
    case 6:
      let other = try add("Neg", [input])
      return (try add("Concat", [input, other], ["axis": .integer(1)]), [1, 2 * channels, shape[2], shape[3]])
    case 7:
      let turned = try add("Transpose", [input], ["perm": .integers([0, 1, 3, 2])])
      return (turned, [1, channels, shape[3], shape[2]])
    case 8:
      let pads = integers([0, 0, 1, 0, 0, 0, 0, 2])
      return (try add("Pad", [input, pads]), [1, channels, shape[2] + 1, shape[3] + 2])
    default:
      // Another split of the same numbers, as token models do it.
      let merged = try add("Reshape", [input, integers([1, channels, -1])])
      let turned = try add("Transpose", [merged], ["perm": .integers([0, 2, 1])])
      let scaled = try add("Mul", [turned, constant(tensor([channels]))])
      let back = try add("Transpose", [scaled], ["perm": .integers([0, 2, 1])])
      return (try add("Reshape", [back, integers([-1, channels, shape[2], shape[3]])]), shape)
    }
  }

  private mutating func normalization(_ input: ValueID, _ channels: Int) throws -> ValueID {
    let scale = constant(tensor([channels]))
    let shift = constant(tensor([channels]))
    let mean = constant(tensor([channels]))
    let variance = constant(
      Tensor(shape: [channels], floats: (0..<channels).map { _ in .random(in: 0.5...2, using: &generator) }))
    return try add("BatchNormalization", [input, scale, shift, mean, variance])
  }
}
