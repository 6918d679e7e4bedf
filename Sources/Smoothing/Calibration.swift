// Where the scales of an int8 classifier come from: float32 passes over noisy inputs.

import Certificates
import Compute
import Graphs
import Primitives
import Tensors

/// Measures which numbers the values of a network take on noisy inputs, and gives each value that int8 keeps as levels
/// the scale of least squared error.
///
/// Images, keys and sample numbers are fixed, and the noise has a key of its own that no certificate can have drawn: the
/// classifier is settled before the first certificate's noise.
package struct Calibration {
  /// Noisy inputs, and the most images that they are copies of.
  package static let samples = 256
  package static let images = 64
  /// Samples in one pass.
  package static let batch = 2

  private let network: LoweringPlan
  private let law: AddNoise.NoiseLaw
  private let pixels: AddNoise.Placement
  private let isReal: Bool
  private let device: any Device

  /// - Parameter network: in float32, at the batch above.
  package init(
    network: LoweringPlan, law: AddNoise.NoiseLaw, pixels: AddNoise.Placement, isReal: Bool, device: any Device
  ) {
    self.network = network
    self.law = law
    self.pixels = pixels
    self.isReal = isReal
    self.device = device
  }

  /// The scales from noisy copies of images (bytes or binary32 numbers of equal shape), image after image in turn.
  package func scales(images: [[UInt8]]) async throws -> QuantizationRecord {
    guard !images.isEmpty else { throw SmoothingError("int8 needs images to calibrate on, and there are none") }
    let targets = try network.graph.requireQuantizableValues()
    let names = targets.map { network.graph.valueNames[$0] }
    let probe = try Probe(self, observing: targets)
    let instances = try await device.prepare(probe.list, instances: device.concurrency)
    let passes = Self.samples / Self.batch
    var histograms = [MagnitudeHistogram](repeating: MagnitudeHistogram(), count: targets.count)
    try await withThrowingTaskGroup(of: [MagnitudeHistogram].self) { group in
      for (number, instance) in instances.enumerated() {
        group.addTask {
          var own = [MagnitudeHistogram](repeating: MagnitudeHistogram(), count: targets.count)
          for pass in stride(from: number, to: passes, by: instances.count) {
            try await probe.run(pass, on: instance, images)
            for (index, value) in probe.observed.enumerated() {
              let isFinite = try instance.read(value).withUnsafeBytes { own[index].add($0.bindMemory(to: Float.self)) }
              guard isFinite else {
                throw SmoothingError("int8 cannot be calibrated: \(names[index]) takes values that are not finite")
              }
            }
          }
          return own
        }
      }
      for try await own in group { for index in own.indices { histograms[index].merge(own[index]) } }
    }
    let count = min(images.count, Self.samples)
    return QuantizationRecord(
      calibration: "\(Self.samples) noisy copies of \(count) \(count == 1 ? "image" : "images"), least squared error",
      values: zip(names, histograms).map { name, histogram in
        QuantizationRecord.Entry(
          name: name, scale: histogram.scale(greatest: histogram.hasNegative ? 127 : 255),
          isSigned: histogram.hasNegative)
      })
  }

  /// The noisy network with the values to observe as outputs.
  private struct Probe: Sendable {
    let list: CommandList
    let observed: [Value]
    private let images: Value
    private let requests: Value

    init(_ calibration: Calibration, observing targets: [ValueID]) throws {
      let target = calibration.network.inputs[0]
      let pixels = calibration.pixels
      var list = CommandList()
      images = list.input(
        [Calibration.batch, pixels.height * pixels.width * pixels.channels], calibration.isReal ? .float32 : .uint8,
        name: "images")
      requests = list.input([Calibration.batch, AddNoise.requestWords], .uint32, name: "requests")
      let input = list.transient(target.physicalShape, target.type, name: target.name)
      try list.append(
        AddNoise(images: images, requests: requests, output: input, law: calibration.law, placement: pixels))
      observed = try calibration.network.append(
        to: &list, inputs: [input], outputs: .output, observing: targets
      ).observed
      self.list = list
    }

    /// Runs one pass; sample s is a copy of image s mod the number of images.
    func run(_ pass: Int, on instance: any PreparedList, _ all: [[UInt8]]) async throws {
      let samples = (0..<Calibration.batch).map { pass * Calibration.batch + $0 }
      try instance.write(samples.flatMap { all[$0 % all.count] }, to: images)
      try instance.write(
        samples.enumerated().flatMap { slot, sample -> [UInt32] in
          [UInt32(slot), 0x5375_7265, 0x7479_0003, UInt32(sample), 0, SampleRange.calibration, 0, 0]
        }, to: requests)
      try await instance.run()
    }
  }
}

extension Quantization {
  /// The scales of a record.
  package init(_ record: QuantizationRecord) {
    self.init(
      Dictionary(
        record.values.map { ($0.name, Scale($0.scale, isSigned: $0.isSigned)) }, uniquingKeysWith: { first, _ in first }
      ))
  }
}
