import Certificates
import Compute
import Graphs
import Hashing
import Inputs
import Primitives
import Smoothing
import Statistics

/// A model behind a noise law for inputs of one shape: what is needed to build the base classifier on any device.
struct ClassifierSetup {
  let model: LoadedModel
  let preprocessing: Preprocessing
  let noise: GaussianNoise
  /// Rows, columns and channels after resize and crop, or the shape of a real-valued input.
  let imageShape: [Int]
  private let lookup: [[Float]]?

  var isReal: Bool { noise.arithmetic == .real }
  /// The number of pixels d.
  var dimensions: Int { imageShape.reduce(1, *) }

  init(
    model: LoadedModel, preprocessing: Preprocessing, sigma: ExactDecimal, imageShape: [Int], isReal: Bool
  ) throws {
    self.model = model
    self.preprocessing = preprocessing
    self.imageShape = imageShape
    noise = try GaussianNoise(sigma: sigma, arithmetic: isReal ? .real : .exact)
    lookup =
      isReal
      ? nil
      : preprocessing.lookupTable(lowest: noise.lowest, highest: noise.highest, channels: imageShape[2])
  }

  /// Builds the classifier on a device at a padded batch.
  func classifier(
    _ plan: LoweringPlan, on device: any Device, instances: Int, keepsInputs: Bool = false
  ) async throws -> NoisyClassifier {
    try await NoisyClassifier(
      network: plan, law: noise.law(lookup: lookup), pixels: try placement(in: plan.inputs[0]), isReal: isReal,
      device: device, instances: instances, keepsInputs: keepsInputs)
  }

  /// Measures the scales of an int8 classifier on noisy copies of images.
  func calibrate(on device: any Device, images: [[UInt8]]) async throws -> QuantizationRecord {
    let plan = try model.graph.plan(batch: Calibration.batch, precision: .float32)
    return try await Calibration(
      network: plan, law: noise.law(lookup: lookup), pixels: try placement(in: plan.inputs[0]), isReal: isReal,
      device: device
    ).scales(images: images)
  }

  /// The noise step alone, for a benchmark.
  func noiseList(_ plan: LoweringPlan) throws -> CommandList {
    let input = plan.inputs[0]
    var list = CommandList()
    let images = list.input([1, dimensions], isReal ? .float32 : .uint8, name: "images")
    let requests = list.input([input.shape[0], AddNoise.requestWords], .uint32, name: "requests")
    let noisy = list.output(input.physicalShape, input.type, name: "noisy")
    try list.append(
      AddNoise(
        images: images, requests: requests, output: noisy, law: noise.law(lookup: lookup),
        placement: try placement(in: input)))
    return list
  }

  private func placement(in input: InputPlacement) throws -> AddNoise.Placement {
    let modelShape = Array(input.shape.dropFirst())
    guard !isReal else {
      guard dimensions == input.sampleCount else {
        throw UserError("the inputs have the shape \(imageShape), the model wants \(modelShape).")
      }
      return try AddNoise.Placement(realInput: input)
    }
    return try AddNoise.Placement(
      try preprocessing.placement(
        modelShape: modelShape,
        image: Image8(
          width: imageShape[1], height: imageShape[0], channels: imageShape[2],
          pixels: [UInt8](repeating: 0, count: dimensions))), in: input)
  }

  /// Names a classifier that was built from this.
  func identity(
    _ classifier: NoisyClassifier, on device: any Device, precision: Precision, quantization: QuantizationRecord?
  ) async throws -> ClassifierIdentity {
    ClassifierIdentity(
      modelSHA256: model.sha256, preprocessingSHA256: SHA256.text(Array(preprocessing.canonicalText.utf8)),
      lookupSHA256: lookup.map(GaussianNoise.digest) ?? "", precision: precision.rawValue,
      quantizationSHA256: try quantization?.digest(), paddedBatch: classifier.batch, deviceKind: device.identity.kind,
      deviceName: device.identity.name, software: device.identity.software,
      variant: Self.variant(device.identity, tiles: classifier.tiles),
      logitsSHA256: try await classifier.fingerprint(isReal: isReal))
  }

  /// The kernel variants of a device with the tiles chosen for a network's layers: how often each, and a digest of which
  /// layer has which.
  static func variant(_ identity: DeviceIdentity, tiles: [String]) -> String {
    if tiles.isEmpty { return identity.variant }
    let counts = Dictionary(tiles.map { ($0, 1) }, uniquingKeysWith: +).sorted { $0.key < $1.key }
    let digest = SHA256.text(Array(tiles.joined(separator: "\n").utf8)).prefix(8)
    return identity.variant + ", tiles " + counts.map { "\($0.value) \($0.key)" }.joined(separator: " ") + " \(digest)"
  }

  /// The channels of an image input [C, H, W] or [H, W, C]; nil where the shape does not tell.
  static func channels(_ shape: [Int]) -> Int? {
    guard shape.count == 3 else { return nil }
    return [shape[0], shape[2]].first { $0 == 1 || $0 == 3 }
  }
}
