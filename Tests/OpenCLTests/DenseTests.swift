// Convolutions and matrix products on the device against their definitions.

import Compute
import OpenCLCompute
import Primitives
import Tensors
import Testing

@Suite(.serialized) struct DenseTests {
  struct Layer: Sendable, CustomStringConvertible {
    var image: [Int]
    var outputs: Int
    var window: Window
    var groups = 1
    var hasResidual = false
    var hasBias = true
    var activation = FusedActivation.none
    var description: String { "\(image) -> \(outputs), \(window.rows)x\(window.columns), groups \(groups)" }
  }

  static let layers: [Layer] = [
    Layer(
      image: [1, 5, 7, 16], outputs: 40, window: Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1),
      hasResidual: true, activation: .relu),
    Layer(
      image: [1, 11, 12, 3], outputs: 33,
      window: Window(
        rows: 7, columns: 7, strideRows: 2, strideColumns: 2,
        top: 3, left: 3, bottom: 3, right: 3), activation: .clip(low: -0.5, high: 6)),
    Layer(image: [1, 8, 8, 20], outputs: 24, window: Window(rows: 1, columns: 1), hasBias: false),
    Layer(image: [1, 8, 8, 17], outputs: 10, window: Window(rows: 1, columns: 1, strideRows: 2, strideColumns: 2)),
    Layer(
      image: [2, 12, 10, 6], outputs: 5,
      window: Window(
        rows: 3, columns: 2, dilationRows: 2, dilationColumns: 3,
        top: 2, left: 0, bottom: 1, right: 3)),
    Layer(
      image: [1, 6, 5, 24], outputs: 48,
      window: Window(
        rows: 3, columns: 3, top: 1, left: 1, bottom: 1,
        right: 1), groups: 3),
    Layer(image: [1, 6, 6, 12], outputs: 8, window: Window(rows: 3, columns: 3), groups: 4),
    Layer(
      image: [2, 11, 9, 36], outputs: 36,
      window: Window(
        rows: 3, columns: 3, strideRows: 2, strideColumns: 2,
        top: 1, left: 1, bottom: 1, right: 1), groups: 36, activation: .clip(low: 0, high: 6)),
    Layer(
      image: [1, 12, 12, 16], outputs: 16,
      window: Window(
        rows: 5, columns: 5, top: 2, left: 2, bottom: 2,
        right: 2), groups: 16, hasResidual: true),
    Layer(image: [1, 7, 7, 4], outputs: 8, window: Window(rows: 3, columns: 3), groups: 4),
  ]

  /// Registers of 8 lanes take another path to the same bits.
  @Test(arguments: layers) func narrowRegistersGiveTheSameBits(_ layer: Layer) async throws {
    let device = try firstDevice()
    if device.kind != .cpu { return }
    let (problem, output) = try Self.problem(layer)
    var results: [[UInt8]] = []
    for lanes in [8, 16] {
      let traits = device.traits(rungs: [.reference, .vector], vectorWidth: lanes)
      results.append(try await problem.outcome(output, device, traits))
    }
    #expect(results[0] == results[1])
  }

  /// Cases too slow for a simulator: many work-groups, long sums.
  static let wideLayers: [Layer] = [
    Layer(
      image: [1, 5, 70, 160], outputs: 130, window: Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1)),
    Layer(
      image: [3, 40, 41, 32], outputs: 70,
      window: Window(
        rows: 3, columns: 3, strideRows: 2, strideColumns: 2,
        top: 1, left: 1, bottom: 1, right: 1), hasResidual: true, activation: .relu),
    Layer(
      image: [2, 64, 64, 3], outputs: 64,
      window: Window(
        rows: 7, columns: 7, strideRows: 2, strideColumns: 2,
        top: 3, left: 3, bottom: 3, right: 3)),
  ]

  @Test(arguments: wideLayers) func wideConvolutionAgreesWithItsDefinition(_ layer: Layer) async throws {
    try await convolutionAgreesWithItsDefinition(layer)
  }

  @Test(arguments: layers) func convolutionAgreesWithItsDefinition(_ layer: Layer) async throws {
    let (problem, output) = try Self.problem(layer)
    try await requireAgreement(problem, output, "\(layer)")
  }

  static func problem(_ layer: Layer) throws -> (Problem, Value) {
    var numbers = Numbers(seed: 11)
    var problem = Problem()
    let input = problem.input(layer.image, numbers.floats(layer.image.reduce(1, *)))
    let result = [
      layer.image[0], layer.window.outputRows(layer.image[1]), layer.window.outputColumns(layer.image[2]),
      layer.outputs,
    ]
    let residual =
      layer.hasResidual ? problem.input(result, numbers.floats(result.reduce(1, *)), name: "residual") : nil
    let filter = problem.list.constant(
      numbers.tensor([layer.outputs, layer.window.rows, layer.window.columns, layer.image[3] / layer.groups]))
    let bias = layer.hasBias ? problem.list.constant(numbers.tensor([layer.outputs])) : nil
    let output = problem.output(result)
    try problem.list.append(
      Convolve(
        input: input, filter: filter, bias: bias, residual: residual, output: output, window: layer.window,
        groups: layer.groups, activation: layer.activation))
    return (problem, output)
  }

  @Test func transposedConvolutionAgreesWithItsDefinition() async throws {
    var numbers = Numbers(seed: 12)
    var problem = Problem()
    let input = problem.input([2, 5, 4, 6], numbers.floats(240))
    let filter = problem.list.constant(numbers.tensor([4, 3, 3, 3]))
    let bias = problem.list.constant(numbers.tensor([4]))
    let output = problem.output([2, 10, 8, 4])
    try problem.list.append(
      ConvolveTransposed(
        input: input, filter: filter, bias: bias, output: output,
        window: Window(rows: 3, columns: 3, strideRows: 2, strideColumns: 2, top: 1, left: 1, bottom: 1, right: 1),
        groups: 2, activation: .relu))
    try await requireAgreement(problem, output, "transposed convolution")
  }

  struct Product: Sendable {
    var batch: [Int]
    var m: Int
    var n: Int
    var k: Int
    var transposeLeft = false
    var transposeRight = false
    var isConstant = false
    var hasEpilogue = false
  }

  static let products: [Product] = [
    Product(batch: [], m: 37, n: 50, k: 45), Product(batch: [2, 3], m: 9, n: 33, k: 20),
    Product(batch: [2], m: 9, n: 17, k: 20, transposeRight: true),
    Product(batch: [2], m: 9, n: 17, k: 20, transposeLeft: true),
    Product(batch: [2], m: 11, n: 6, k: 32, transposeRight: true, hasEpilogue: true),
    Product(batch: [], m: 5, n: 10, k: 100, transposeRight: true, isConstant: true, hasEpilogue: true),
    Product(batch: [3], m: 7, n: 48, k: 30, isConstant: true, hasEpilogue: true),
    Product(batch: [2], m: 4, n: 6, k: 3, transposeLeft: true, transposeRight: true),
  ]

  @Test func wideMatrixProductAgreesWithItsDefinition() async throws {
    try await matrixProductAgreesWithItsDefinition(Product(batch: [2], m: 130, n: 70, k: 65, hasEpilogue: true))
  }

  @Test(arguments: products) func matrixProductAgreesWithItsDefinition(_ product: Product) async throws {
    var numbers = Numbers(seed: 13)
    var problem = Problem()
    let (m, n, k) = (product.m, product.n, product.k)
    let left = problem.input(product.batch + [m, k], numbers.floats(product.batch.reduce(1, *) * m * k))
    let right =
      product.isConstant
      ? problem.list.constant(numbers.tensor(product.transposeRight ? [n, k] : [k, n]))
      : problem.input(product.batch + [k, n], numbers.floats(product.batch.reduce(1, *) * k * n))
    let bias = product.hasEpilogue ? problem.list.constant(numbers.tensor([n])) : nil
    let residual =
      product.hasEpilogue
      ? problem.input(product.batch + [m, n], numbers.floats(product.batch.reduce(1, *) * m * n)) : nil
    let output = problem.output(product.batch + [m, n])
    func strides(_ size: Int) -> [Int] {
      product.batch.indices.map { product.batch[($0 + 1)...].reduce(size, *) }
    }
    try problem.list.append(
      MatrixMultiply(
        left: left, right: right, bias: bias, residual: residual, output: output, m: m, n: n, k: k,
        batchShape: product.batch, leftBatchStrides: strides(m * k),
        rightBatchStrides: product.isConstant ? product.batch.map { _ in 0 } : strides(k * n),
        transposeLeft: product.transposeLeft, transposeRight: product.transposeRight,
        activation: product.hasEpilogue ? .relu : .none))
    try await requireAgreement(problem, output, "\(product)")
  }
}
