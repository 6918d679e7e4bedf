import Graphs
import Networks
import ONNXImport
import Tensors
import TestSupport
import Testing

/// Every network file of the benchmark data: its relations mean what its operators mean.
@Suite struct EveryNetworkTests {
  static let files = NetworkReference.files("vnncomp") + NetworkReference.files("soundness")
  /// Slices an image where its input says, which is no relation between real numbers of fixed number.
  static let refused = "patch-1.onnx.gz"
  /// Adds 1 to differences of 2^128, which binary64 sums in two orders with two results.
  static let cancelling = "nan.onnx"

  @Test(.enabled(if: TestData.isAvailable("vnncomp")))
  func thereAreAllNetworks() { #expect(Self.files.count == 72 + 14) }

  @Test("A network agrees with its graph in binary64", arguments: files)
  func means(path: String) throws {
    if path.hasSuffix(Self.refused) {
      let error = #expect(throws: ImportError.self) { try ONNXImporter.load(TestData.path(path)) }
      #expect(error?.description.contains("operator Range") == true)
      #expect(error?.description.contains("operator ScatterND") == true)
      return
    }
    let graph = try ONNXImporter.load(TestData.path(path))
    let network = try graph.network()
    let shaped = try graph.shapedUnrounded(dimensions: [:])
    if path.hasSuffix(Self.cancelling) { return }
    for seed in 0..<(network.neuronCount > 100_000 ? 1 : 4) {
      var generator = SeededGenerator(seed: UInt64(seed))
      let inputs = graph.inputs.map { input in
        let fact = shaped.fact(input.value)
        return Tensor(
          shape: fact.shape, floats: (0..<fact.count).map { _ in Float.random(in: 0...1, using: &generator) })
      }
      let difference = try NetworkReference.difference(network, shaped, inputs)
      #expect(difference < 1e-9, "\(path), seed \(seed): \(difference)")
    }
  }

  @Test(.enabled(if: TestData.isAvailable("vnncomp")))
  func weightsOfReLUNetworksAreTheFilesNumbers() throws {
    let folders = ["acasxu_2023", "mnist_fc", "cifar10_resnet", "oval21", "collins_rul_cnn_2023"]
    for path in folders.flatMap({ NetworkReference.files("vnncomp/" + $0) }) {
      let graph = try ONNXImporter.load(TestData.path(path))
      let network = try graph.network()
      #expect(network.float32Problem == nil)
      let weights = Set(graph.constants.values.filter { $0.type == .float32 }.flatMap { $0.floats.map(Double.init) })
      for case .affine(let affine) in network.layers.map(\.relation) {
        #expect(affine.coefficientRoundings == 0 && affine.biasError == nil)
        // A residual sum adds coefficients 1 to a convolution's.
        let foreign = affine.rows.values.filter { $0 != 1 && !weights.contains($0) && !weights.contains($0 - 1) }
        #expect(foreign.isEmpty, "\(path)")
      }
    }
  }

  @Test(.enabled(if: TestData.isAvailable("vnncomp")))
  func acasNetworksAreSevenAffineAndSixReLULayers() throws {
    for path in NetworkReference.files("vnncomp/acasxu_2023") {
      let layers = try ONNXImporter.load(TestData.path(path)).network().layers
      #expect(layers.map(\.count) == [5] + [Int](repeating: 50, count: 12) + [5])
      for (index, layer) in layers.enumerated().dropFirst() {
        switch layer.relation {
        case .affine: #expect(index % 2 == 1)
        case .function(.relu, of: index - 1): #expect(index % 2 == 0)
        default: Issue.record("\(path): layer \(index) is \(layer.relation)")
        }
      }
    }
  }
}
