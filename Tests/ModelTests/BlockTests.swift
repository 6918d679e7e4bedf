import Compute
import Graphs
import ONNXImport
import Primitives
import TestSupport
import Testing

/// The blocks of real networks are found, and nothing is taken for one elsewhere.
@Suite struct BlockTests {
  static let networks: [(file: String, blocks: Int, panels: Int, slices: Int, others: Int)] = [
    // The first block has the stem. Left are the head's convolution and, in MobileNetV2, the classifier.
    ("imagenet/mobilenet_v2_int8w.onnx", 17, 2, 0, 0), ("imagenet/efficientnet_lite0.onnx", 16, 1, 0, 0),
    // Eight fire modules, each of which joins two convolutions; the first layer is the one left.
    ("imagenet/squeezenet1_1.onnx", 0, 25, 16, 1),
  ]

  @Test(
    "Every inverted residual block and every concatenation of convolutions is found",
    .enabled(if: networks.allSatisfy { TestData.isAvailable($0.file) }), arguments: networks)
  func found(file: String, blocks: Int, panels: Int, slices: Int, others: Int) throws {
    let graph = try ONNXImporter.load(TestData.path(file))
    for type in [Precision.float32, .bfloat16] {
      let list = try graph.lower(batch: 2, precision: type).commands
      let fused = try list.fused(for: ProcessorTraits(blockTypes: [.float32, .bfloat16]))
      #expect(fused.steps.count { $0 is InvertedResidual } == blocks)
      #expect(fused.steps.count { $0 is PanelConvolve } == panels)
      #expect(fused.steps.count { ($0 as? PanelConvolve)?.copy != nil } == slices)
      #expect(fused.steps.count { $0 is Convolve } == others)
      #expect(fused.steps.count == list.steps.count - 2 * blocks - slices)
    }
  }
}
