import CPUCompute
import Compute
import Graphs
import ONNXImport
import OpenCLCompute
import Tensors
import TestSupport
import Testing

/// Every model of the data folder gives the logits that ONNX Runtime computed, to 1e-4 of the largest.
@Suite struct ModelLogitsTests {
  static let tolerance: Float = 1e-4

  static func isAvailable(_ models: [ReferenceModel]) -> Bool { models.allSatisfy { TestData.isAvailable($0.file) } }

  /// A batch of five with three samples and two padded rows, and what the first three should give.
  static func padded(_ samples: [ReferenceModel.Sample], to batch: Int, _ placements: [InputPlacement]) -> [Tensor] {
    placements.indices.map { index in
      let first = samples[0].inputs[index]
      guard placements[index].isBatched else { return first }
      let bytes = samples.map { $0.inputs[index] }
      return Tensor(shape: [batch] + first.shape.dropFirst(), type: first.type) { target in
        for (row, tensor) in bytes.enumerated() {
          tensor.withBytes { source in
            UnsafeMutableRawBufferPointer(rebasing: target[(row * first.byteCount)...]).copyMemory(from: source)
          }
        }
      }
    }
  }

  static func worst(_ output: [Float], _ samples: [ReferenceModel.Sample]) -> Float {
    samples.enumerated().map { row, sample in
      let classes = sample.logits.count
      return relativeDifference(output[row * classes..<(row + 1) * classes], sample.logits)
    }.max()!
  }

  @Test(
    "The definitions of the operators give the reference logits",
    .enabled(if: isAvailable(ReferenceModel.all)), arguments: ReferenceModel.all.filter(\.isSmall))
  func definitions(model: ReferenceModel) throws {
    let graph = try ONNXImporter.load(model.path)
    let samples = Array(try model.load().prefix(1))
    let shaped = try graph.shaped(batch: 1, dimensions: model.dimensions)
    let outputs = try ListRunner.evaluate(shaped, samples[0].inputs)
    let difference = relativeDifference(outputs[0].floats, samples[0].logits)
    #expect(difference < Self.tolerance, "\(model): \(difference)")
  }

  @Test(
    "The lowered steps give the reference logits, by the definition of each step",
    .enabled(if: isAvailable(ReferenceModel.all)), arguments: ReferenceModel.all.filter(\.isSmall))
  func loweredDefinitions(model: ReferenceModel) throws {
    let graph = try ONNXImporter.load(model.path)
    let samples = Array(try model.load().prefix(2))
    let lowered = try graph.lower(batch: 3, precision: .float32, dimensions: model.dimensions)
    let outputs = ListRunner.reference(lowered, Self.padded(samples, to: 3, lowered.inputs.map(\.placement)))
    let difference = Self.worst(outputs[0], samples)
    #expect(difference < Self.tolerance, "\(model): \(difference)")
  }

  @Test(
    "The CPU device gives the reference logits, at a full batch and at one that ends in padding",
    .enabled(if: isAvailable(ReferenceModel.all)), arguments: ReferenceModel.all)
  func onCPU(model: ReferenceModel) async throws {
    let graph = try ONNXImporter.load(model.path)
    let all = try model.load()
    let device = CPUDevice()
    for (batch, count) in [(8, all.count), (5, 3)] {
      let samples = Array(all.prefix(count))
      let lowered = try graph.lower(batch: batch, precision: .float32, dimensions: model.dimensions)
      let inputs = Self.padded(samples, to: batch, lowered.inputs.map(\.placement))
      let outputs = try await ListRunner.run(lowered, on: device, inputs)
      let difference = Self.worst(outputs[0], samples)
      #expect(difference < Self.tolerance, "\(model), batch \(batch): \(difference)")
    }
  }

  @Test(
    "OpenCL gives the reference logits, at a batch that ends in padding",
    .enabled(if: isAvailable(ReferenceModel.all)), arguments: ReferenceModel.all)
  func onOpenCL(model: ReferenceModel) async throws {
    let device = try #require(OpenCLDevice.all().first, "no OpenCL device; install pocl-opencl-icd")
    let graph = try ONNXImporter.load(model.path)
    let (batch, count) = model.isSmall ? (5, 3) : (2, 1)
    let samples = Array(try model.load().prefix(count))
    let lowered = try graph.lower(batch: batch, precision: .float32, dimensions: model.dimensions)
    let inputs = Self.padded(samples, to: batch, lowered.inputs.map(\.placement))
    let outputs = try await ListRunner.run(lowered, on: device, inputs)
    let difference = Self.worst(outputs[0], samples)
    #expect(difference < Self.tolerance, "\(model): \(difference)")
  }

  @Test(
    "bfloat16 logits stay within a tenth of the largest, and are not float32 ones",
    .enabled(if: isAvailable(ReferenceModel.all) && CPUDevice().precisions.contains(.bfloat16)),
    arguments: ReferenceModel.all.filter { $0.file.contains("efficientnet") || $0.file.contains("vit_ibp") })
  func inBFloat16(model: ReferenceModel) async throws {
    let graph = try ONNXImporter.load(model.path)
    let samples = try model.load()
    let lowered = try graph.lower(batch: samples.count, precision: .bfloat16, dimensions: model.dimensions)
    #expect(lowered.inputs[0].placement.type == .bfloat16)
    #expect(lowered.commands[lowered.outputs[0]].type == .float32)
    let inputs = Self.padded(samples, to: samples.count, lowered.inputs.map(\.placement))
    let output = try await ListRunner.run(lowered, on: CPUDevice(), inputs)[0]
    let difference = Self.worst(output, samples)
    // Eight bits of significand, and errors that grow with the square root of the depth.
    #expect(difference > 1e-5 && difference < 0.1, "\(model): \(difference)")
  }
}
