import FoundationEssentials
import Graphs
import ONNXImport
import TestSupport
import Testing

/// What `surety inspect` shows, against the published numbers of known networks.
@Suite struct DescriptionTests {
  @Test(
    "EfficientNet-Lite0 has its published size and cost",
    .enabled(if: TestData.isAvailable("imagenet/efficientnet_lite0.onnx")))
  func efficientNet() throws {
    let description = try ONNXImporter.load(TestData.path("imagenet/efficientnet_lite0.onnx")).describe()
    // TensorFlow's model page: 4.65 million parameters, 407 million multiply-adds. The file also stores running
    // statistics, two numbers for each normalised channel.
    #expect((4_650_000...4_700_000).contains(description.parameters), "\(description.parameters)")
    #expect(
      (380_000_000...410_000_000).contains(description.multiplyAddsPerSample), "\(description.multiplyAddsPerSample)")
    #expect(description.inputs.first?.shape == ["N", "3", "224", "224"])
    #expect(description.outputs.first?.shape == ["batch", "1000"])
    #expect(description.operators.first { $0.name == "BatchNormalization" }?.count == 49)
    // Normalisation, activation and the residual sums are part of the convolutions.
    #expect(Set(description.nodes.map(\.operatorName)) == ["Conv", "GlobalAveragePool", "Flatten", "Gemm"])
    #expect(description.batchProblem == nil)
    #expect(description.description.contains("Conv 49"))
    let copy = try JSONDecoder().decode(GraphDescription.self, from: try JSONEncoder().encode(description))
    #expect(copy.parameters == description.parameters)
  }
}
