import CPUCompute
import Graphs
import Inputs
import ONNXImport
import Tensors
import TestSupport
import Testing

/// Networks of other kinds (control, generation, database, text embeddings), one of each, against ONNX Runtime.
@Suite struct OtherModelsTests {
  static let names = [
    "acasxu_1_1", "lsnc_quadrotor2d_state", "lsnc_quadrotor2d_output", "cgan_32x32x1", "cgan_32x32x3_nonlinear",
    "cgan_generator_32x32x3", "dist_shift_mnist_generator", "dist_shift_mnist_concat", "nn4sys_lindex",
    "nn4sys_mscn_128d", "safenlp_medical", "safenlp_ruarobot", "linearizenn_AllInOne",
  ]

  @Test(
    "All reference inputs at once, as one batch", .enabled(if: TestData.isAvailable("models/reference_io.npz")),
    arguments: names)
  func batch(name: String) async throws {
    let archive = try NumPyArchive(path: TestData.path("models/reference_io.npz"))
    let graph = try ONNXImporter.load(TestData.path("models/\(name).onnx"))
    let rows = (0...3).filter { archive.names.contains("\(name)/in0/\($0)") }
    // A model with two inputs shares the second between the samples, so that it takes one row at a time.
    // A scalar close to zero has few right digits even in ONNX Runtime (the third row of the nonlinear cgan changes by
    // 5e-4 of itself with graph optimisation), so differences are measured against the largest output of all rows.
    let scale = try rows.flatMap { try archive.array("\(name)/out0/\($0)").floats() }.reduce(0) {
      max($0, $1.magnitude)
    }
    for group in graph.inputs.count > 1 ? rows.map({ [$0] }) : [rows] {
      let lowered = try graph.lower(batch: group.count, precision: .float32)
      let inputs = try lowered.inputs.enumerated().map { index, input in
        Tensor(
          shape: input.placement.shape,
          floats: try group.flatMap { try archive.array("\(name)/in\(index)/\($0)").floats() })
      }
      let output = try await ListRunner.run(lowered, on: CPUDevice(), inputs)[0]
      let expected = try group.map { try archive.array("\(name)/out0/\($0)").floats() }
      for (row, reference) in expected.enumerated() {
        let own = output[row * reference.count..<(row + 1) * reference.count]
        let difference = zip(own, reference).reduce(0) { max($0, ($1.0 - $1.1).magnitude) } / scale
        #expect(own.allSatisfy(\.isFinite) && difference < 1e-4, "\(name), row \(row): \(difference)")
      }
    }
  }
}
