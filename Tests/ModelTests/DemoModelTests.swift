import CPUCompute
import Compute
import DemoAssets
import Graphs
import ONNXImport
import Tensors
import TestSupport
import Testing

@Suite struct DemoModelTests {
  /// The bundled classifier reproduces ONNX Runtime's logits on the bundled images, in float32 on the CPU device.
  @Test func bundledModelReproducesItsReferenceLogits() async throws {
    var size = 0
    let model = try #require(surety_demo_model(&size))
    let graph = try ONNXImporter.load(Array(UnsafeBufferPointer(start: model, count: size)), name: "demo.onnx")
    let rows = try TestData.lines(TestData.packageRoot + "/Tests/Fixtures/demo-logits.csv").dropFirst().map {
      $0.split(separator: ",").map { Float($0)! }
    }
    let count = Int(surety_demo_digit_count())
    #expect(rows.count == count && count == 50)
    var pixels: [Float] = []
    for index in 0..<count {
      var label: UInt8 = 0
      let digit = try #require(surety_demo_digit(UInt32(index), &label))
      pixels += UnsafeBufferPointer(start: digit, count: 784).map { Float($0) / 255 }
      #expect(rows[index][1] == Float(label))
    }
    let lowered = try graph.lower(batch: count, precision: .float32)
    let logits = try await ListRunner.run(
      lowered, on: CPUDevice(), [Tensor(shape: [count, 1, 28, 28], floats: pixels)])[0]
    for (index, row) in rows.enumerated() {
      let difference = relativeDifference(logits[(index * 10)..<(index * 10 + 10)], row[2...])
      #expect(difference < 1e-4, "image \(index)")
    }
  }
}
