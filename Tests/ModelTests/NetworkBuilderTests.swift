import Networks
import Testing

/// When rows are joined, and when they must not be.
@Suite struct NetworkBuilderTests {
  /// z = weight x + bias over one input.
  static func line(_ builder: inout NetworkBuilder, _ weight: Double, _ bias: Double) -> [Int] {
    builder.affine(
      "line", over: [0], AffineRows(rows: SparseRows(starts: [0, 1], columns: [0], values: [weight]), bias: [bias]))
  }

  static func affines(_ network: Network) -> [Affine] {
    network.layers.compactMap { if case .affine(let affine) = $0.relation { affine } else { nil } }
  }

  @Test func aResidualSumJoinsTheRowOfItsLayer() {
    var builder = NetworkBuilder(name: "n", inputCount: 1)
    let z = Self.line(&builder, 0.5, 3)
    let sum = builder.sum("sum", [SumTerm(elements: z, mayMerge: true), SumTerm(elements: [0], mayMerge: false)])
    let network = builder.network(outputs: sum)
    #expect(Self.affines(network).map(\.rows.values) == [[1.5]])
    #expect(network.layers.count == 2)
    // One rounding more than a product of fan-in 1 with a bias.
    #expect(Self.affines(network)[0].float32ExtraRoundings == 1)
  }

  @Test(
    "What rounds or cancels stays apart",
    arguments: [
      // 2^60 + 1 needs 61 bits; -0.5 + 1 hides that 1.5 |x| is rounded; biases 3 and -1 hide 4.
      (0x1p60, 0.0, 0.0), (-0.5, 0, 0), (0.5, 3, -1),
    ] as [(Double, Double, Double)])
  func apart(weight: Double, bias: Double, constant: Double) {
    var builder = NetworkBuilder(name: "n", inputCount: 1)
    let z = Self.line(&builder, weight, bias)
    let sum = builder.sum(
      "sum", [SumTerm(elements: z, mayMerge: true), SumTerm(elements: [0], mayMerge: false)], constant: [constant])
    let network = builder.network(outputs: sum)
    #expect(Self.affines(network).map(\.rows.values) == [[weight], [1, 1]])
  }

  @Test func aBiasIsAddedInPlace() {
    var builder = NetworkBuilder(name: "n", inputCount: 1)
    let z = Self.line(&builder, 0.5, 0)
    let sum = builder.sum("sum", [SumTerm(elements: z, mayMerge: true)], constant: [0.1])
    #expect(sum == z)
    let affine = Self.affines(builder.network(outputs: sum))
    #expect(affine.map(\.bias) == [[0.1]])
    #expect(affine[0].float32ExtraRoundings == 0)
  }

  @Test func productsOfRepeatedNeuronsKeepTheirPairs() {
    // Each pair by hand at (2, 3, 5).
    var builder = NetworkBuilder(name: "n", inputCount: 3)
    let products = builder.product("p", [0, 1, 1, 0, 2, 1], [1, 0, 1, 2, 0, builder.constant(4)])
    #expect(builder.network(outputs: products).outputs([2, 3, 5]) == [6, 6, 9, 10, 10, 12])
  }

  @Test func repeatedAndConstantInputsOfARowAreSeparateNeurons() {
    // 0.1 x + 0.2 x + 3 * 7: 0.1 + 0.2 is no binary64 number.
    var builder = NetworkBuilder(name: "n", inputCount: 1)
    let seven = builder.constant(7)
    let z = builder.affine(
      "z", over: [0, 0, seven],
      AffineRows(rows: SparseRows(starts: [0, 3], columns: [0, 1, 2], values: [0.1, 0.2, 3]), bias: [0]))
    let network = builder.network(outputs: z)
    #expect(Self.affines(network).map(\.rows.values) == [[1, 1], [0.1, 0.2, 3]])
    #expect(abs(network.outputs([10])[0] - 24) < 1e-12)
  }

  @Test func functionsOfPermutedLayersNeedNoCopies() {
    var builder = NetworkBuilder(name: "n", inputCount: 3)
    let y = builder.function("relu", .relu, of: [2, 0, 1])
    #expect(y == [5, 3, 4])
    let part = builder.function("part", .tanh, of: [1, 1])
    #expect(part[0] == part[1])
    let network = builder.network(outputs: y)
    // The tangent is read by nobody.
    #expect(network.layers.map(\.count) == [3, 3, 3])
    #expect(network.outputs([1, -2, 3]) == [3, 1, 0])
  }

  @Test func extremesOfGroupsAreBalancedTrees() {
    var builder = NetworkBuilder(name: "n", inputCount: 5)
    let limit = builder.constant(-1)
    let largest = builder.extreme("max", of: [[0, 1, 2, 3, 4], [0, limit], [2]], isMaximum: true)
    let smallest = builder.extreme("min", of: [[0, 1, 2, 3, 4], [0, limit], [2]], isMaximum: false)
    let network = builder.network(outputs: largest + smallest)
    #expect(network.outputs([-3, 7, 2, 9, 8]) == [9, -1, 2, -3, -3, 2])
    let depth = network.layers.filter { if case .function = $0.relation { true } else { false } }.count
    #expect(depth == 6)
  }

  @Test func exactArithmeticOnConstantsGivesConstants() {
    var builder = NetworkBuilder(name: "n", inputCount: 1)
    let (half, tenth, one) = (builder.constant(0.5), builder.constant(0.1), builder.constant(1))
    let sum = builder.sum("s", [SumTerm(elements: [half], mayMerge: false), SumTerm(elements: [one], mayMerge: false)])
    #expect(sum.map { builder.constant(of: $0) } == [1.5])
    // 0.1 + 1 rounds, so it stays a sum of two neurons.
    let rounded = builder.sum(
      "r", [SumTerm(elements: [tenth], mayMerge: false), SumTerm(elements: [one], mayMerge: false)])
    #expect(rounded[0] >= 0)
    #expect(builder.network(outputs: rounded).outputs([0]) == [1.1])
  }
}
