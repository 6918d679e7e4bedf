import CPUCompute
import Graphs
import Operators
import Primitives
import Tensors
import TestSupport
import Testing

/// int8: which values are kept as levels, and that nothing but rounding to them changes the network.
@Suite struct QuantizationTests {
  /// conv + ReLU -> max-pool -> conv + ReLU -> conv + pool + ReLU (a residual block) -> mean. All weights are multiples of
  /// 2^-4 with 127 * 2^-4 among those of each output, biases multiples of 2^-4.
  private func sketch() -> BatchTests.Sketch {
    var generator = SeededGenerator(seed: 5)
    func weights(_ shape: [Int], sparse: Bool) -> Tensor {
      let size = shape.dropFirst().reduce(1, *)
      return Tensor(
        shape: shape,
        floats: (0..<shape.reduce(1, *)).map { index in
          if index % size == index / size % size { return 127 * 0x1p-4 }
          return sparse ? 0 : Float(Int.random(in: -20...20, using: &generator)) * 0x1p-4
        })
    }
    func biases(_ count: Int) -> Tensor {
      Tensor(shape: [count], floats: (0..<count).map { _ in Float(Int.random(in: -3...3, using: &generator)) * 0x1p-4 })
    }
    return BatchTests.Sketch(
      dimensions: [.symbolic("N"), .fixed(3), .fixed(8), .fixed(8)],
      constants: [
        "w1": weights([8, 3, 3, 3], sparse: false), "b1": biases(8), "w2": weights([8, 8, 3, 3], sparse: false),
        "b2": biases(8), "w3": weights([8, 8, 1, 1], sparse: true), "b3": biases(8),
      ],
      nodes: [
        ("Conv", ["x", "w1", "b1"], "c1", ["pads": .integers([1, 1, 1, 1])]), ("Relu", ["c1"], "r1", [:]),
        ("MaxPool", ["r1"], "p", ["kernel_shape": .integers([2, 2]), "strides": .integers([2, 2])]),
        ("Conv", ["p", "w2", "b2"], "c2", ["pads": .integers([1, 1, 1, 1])]), ("Relu", ["c2"], "r2", [:]),
        ("Conv", ["r2", "w3", "b3"], "c3", [:]), ("Add", ["c3", "p"], "a", [:]), ("Relu", ["a"], "r3", [:]),
        ("GlobalAveragePool", ["r3"], "y", [:]),
      ], output: "y")
  }

  @Test func multipliedValuesAndTheirResidualsAreKeptAsLevels() throws {
    let plan = try sketch().graph().plan(batch: 2, precision: .float32)
    // The pool passes the levels of r1 on; r3 is read by the mean only, so it stays a number.
    #expect(plan.graph.quantizableValues.map { plan.graph.valueNames[$0] } == ["x", "r1", "r2"])
  }

  @Test func residualsOfLevelsAreLevels() throws {
    // The shortcut s of a bottleneck is read by the sum alone.
    var sketch = sketch()
    sketch.constants["w4"] = Tensor(shape: [8, 8, 1, 1], floats: .init(repeating: 1, count: 64))
    sketch.nodes[6] = ("Add", ["c3", "s"], "a", [:])
    sketch.nodes.insert(("Conv", ["p", "w4"], "s", [:]), at: 3)
    sketch.nodes.insert(("Conv", ["r3", "w4"], "z", [:]), at: sketch.nodes.count - 1)
    sketch.nodes[sketch.nodes.count - 1] = ("GlobalAveragePool", ["z"], "y", [:])
    let plan = try sketch.graph().plan(batch: 2, precision: .float32)
    #expect(plan.graph.quantizableValues.map { plan.graph.valueNames[$0] } == ["x", "r1", "s", "r2", "r3"])
  }

  /// Scales, inputs and weights are such that every level is exact: int8 then computes what the operators define, but for
  /// the rounding of r1 and r2 to levels, which the second test measures.
  @Test(arguments: [CPUDevice(.init(concurrency: 1, referenceOnly: true)), CPUDevice(.init(concurrency: 1))])
  func theNetworkOnLevelsIsTheNetwork(device: CPUDevice) async throws {
    guard device.precisions.contains(.int8) else { return }
    let graph = try sketch().graph()
    let scales = Quantization([
      "x": .init(0x1p-3, isSigned: true), "r1": .init(1, isSigned: false), "r2": .init(32, isSigned: false),
    ])
    let plan = try graph.plan(batch: 2, precision: .int8, quantization: scales)
    let lowered = try plan.lowered()
    #expect(lowered.inputs[0].placement.type == .float32)
    #expect(lowered.commands.steps.count { $0 is QuantizedConvolve } == 3)
    // One way to levels for the image and one way back for the residual of the float32 sum.
    #expect(lowered.commands.steps.count { $0 is Rescale } == 2)
    var generator = SeededGenerator(seed: 6)
    let image = Tensor(
      shape: [2, 3, 8, 8], floats: (0..<384).map { _ in Float(Int.random(in: -128...127, using: &generator)) * 0x1p-3 })
    let output = try await ListRunner.run(lowered, on: device, [image])[0]
    #expect(output == expected(image, scales))
  }

  /// The network with r1 and r2 rounded to their levels, by the operators' definitions in Double.
  private func expected(_ image: Tensor, _ scales: Quantization) -> [Float] {
    let constants = sketch().constants
    func conv(_ x: [Double], _ side: Int, _ inputs: Int, _ w: String, _ b: String, _ pad: Int) -> [Double] {
      let (weights, bias) = (constants[w]!, constants[b]!.floats)
      let (outputs, size) = (weights.shape[0], weights.shape[2])
      let numbers = weights.floats
      return (0..<2 * outputs * side * side).map { index in
        let (n, o) = (index / (outputs * side * side), index / (side * side) % outputs)
        let (row, column) = (index / side % side, index % side)
        var sum = Double(bias[o])
        for c in 0..<inputs {
          for r in 0..<size {
            for s in 0..<size {
              let (i, j) = (row + r - pad, column + s - pad)
              guard (0..<side).contains(i), (0..<side).contains(j) else { continue }
              sum +=
                x[((n * inputs + c) * side + i) * side + j] * Double(numbers[((o * inputs + c) * size + r) * size + s])
            }
          }
        }
        return sum
      }
    }
    func leveled(_ x: [Double], _ name: String) -> [Double] {
      let scale = Double(scales.scales[name]!.scale)
      return x.map { min(max(($0 / scale).rounded(.toNearestOrEven), 0), 255) * scale }
    }
    let first = leveled(conv(image.floats.map { Double($0) }, 8, 3, "w1", "b1", 1), "r1")
    let pooled = (0..<2 * 8 * 16).map { index -> Double in
      let (plane, row, column) = (index / 16, index / 4 % 4, index % 4)
      let corner = (plane * 8 + 2 * row) * 8 + 2 * column
      return max(max(first[corner], first[corner + 1]), max(first[corner + 8], first[corner + 9]))
    }
    let second = leveled(conv(pooled, 4, 8, "w2", "b2", 1), "r2")
    let third = zip(conv(second, 4, 8, "w3", "b3", 0), pooled).map { max(0, $0 + $1) }
    return (0..<16).map { plane in Float(third[plane * 16..<plane * 16 + 16].reduce(0, +) / 16) }
  }

  @Test func scalesOfAnotherNetworkAreRefused() throws {
    let graph = try sketch().graph()
    let good: [String: Quantization.Scale] = [
      "x": .init(1, isSigned: true), "r1": .init(1, isSigned: false), "r2": .init(1, isSigned: false),
    ]
    func refusal(_ change: (inout [String: Quantization.Scale]) -> Void) throws -> String {
      var scales = good
      change(&scales)
      let error = #expect(throws: GraphError.self) {
        try graph.plan(batch: 2, precision: .int8, quantization: Quantization(scales))
      }
      return "\(error!)"
    }
    #expect(try refusal { $0["r2"] = nil }.contains("none for r2"))
    #expect(try refusal { $0["other"] = .init(1, isSigned: true) }.contains("another network"))
    for bad in [0, -1, Float.nan, .infinity, 0x1p-100] {
      #expect(try refusal { $0["r1"]!.scale = bad }.contains("scale of r1"))
    }
    let error = #expect(throws: GraphError.self) { try graph.plan(batch: 2, precision: .int8) }
    #expect("\(error!)".contains("calibration"))
    let dense = BatchTests.Sketch(
      dimensions: [.symbolic("N"), .fixed(4)], nodes: [("Relu", ["x"], "y", [:])], output: "y")
    let useless = #expect(throws: GraphError.self) {
      try dense.graph().plan(batch: 2, precision: .int8, quantization: Quantization([:]))
    }
    #expect("\(useless!)".contains("would change nothing"))
  }

  @Test func filtersGetAScaleForEachOutput() throws {
    // Output 0: largest weight -2.54, scale 0.02, levels -127, 50 (1 / 0.02) and 0; output 1: all zero.
    let levels = try FilterLevels(Tensor(shape: [2, 1, 1, 3], floats: [-2.54, 1, 0.0099, 0, 0, 0]))
    #expect(levels.tensor.elements(as: Int8.self) == [-127, 50, 0, 0, 0, 0])
    #expect((levels.scales[0] - 0.02).magnitude < 1e-8 && levels.scales[1] > 0)
    #expect(throws: OperatorError.self) { try FilterLevels(Tensor(shape: [1, 1, 1, 2], floats: [1, .nan])) }
  }
}
