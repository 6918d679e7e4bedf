import CPUCompute
import Certificates
import Compute
import Graphs
import Hashing
import Inputs
import Reports
import Smoothing
import Statistics

/// Model, data, noise and device of a smoothing command, opened and checked against each other.
struct SmoothingJob {
  let setup: ClassifierSetup
  let dataset: Dataset
  let device: any Device
  let precision: Precision
  let classifier: NoisyClassifier
  let identity: ClassifierIdentity
  /// The scales of an int8 classifier.
  private let quantization: QuantizationRecord?
  private let data: DataOptions
  private let modelChannels: Int?
  /// Where the model's input stands in memory.
  private let input: InputPlacement

  /// The inputs that were asked for, by their place in the data.
  var indices: [Int] {
    let end = data.limit.map { min(dataset.count, data.skip + $0) } ?? dataset.count
    return Array(data.skip..<max(data.skip, end))
  }

  /// - Parameters:
  ///   - scales: those of the run that is resumed; they are measured only where there are none.
  ///   - keepsInputs: whether the noisy inputs can be read (`smooth sample`).
  init(
    model modelOptions: ModelOptions, data: DataOptions, compute: ComputeOptions, sigma: ExactDecimal,
    scales: QuantizationRecord? = nil, keepsInputs: Bool = false
  ) async throws {
    self.data = data
    if sigma.nearest > 4 {
      throw UserError(
        "--sigma \(sigma.text) is in units of the full pixel range, where 1 means 255 levels; for \(sigma.text) levels "
          + "say --sigma \(NumberText.decimal(sigma.nearest / 255, places: 4)).")
    }
    precision = Precision(rawValue: compute.precision)!
    let model = try LoadedModel(modelOptions.model)
    dataset = try Dataset.open(path: data.data, labels: data.labels)
    guard dataset.count > data.skip else {
      throw UserError("--skip \(data.skip) leaves nothing of the \(dataset.count) inputs in \(data.data).")
    }
    let preprocessing = try Preprocessing.resolve(data.preprocess)
    device = try DeviceChoice(compute).device()
    try Self.require(precision, of: device)
    if precision == .bfloat16, device is CPUDevice, let advice = CPUDevice.bfloat16Advice {
      Terminal.message("Note: \(advice).")
    }
    var batch = compute.batch ?? DeviceChoice.defaultBatch(device)
    var plan = try model.graph.plan(batch: batch, precision: precision == .int8 ? .float32 : precision)
    let classes = try NoisyClassifier.sizes(plan).classes
    if let label = dataset.largestLabel, label >= classes {
      throw UserError(
        "the labels go up to class \(label), but the model has only \(classes) classes (0 to \(classes - 1)); is this "
          + "the right labels file?")
    }
    let channels = ClassifierSetup.channels(Array(plan.inputs[0].shape.dropFirst()))
    modelChannels = channels
    let first = try Self.firstInput(dataset, data, preprocessing, channels)
    setup = try ClassifierSetup(
      model: model, preprocessing: preprocessing, sigma: sigma, imageShape: first.shape, isReal: first.isReal)
    let source = CalibrationSource(
      path: compute.calibration, inputs: dataset, skip: data.skip, preprocessing: preprocessing, channels: channels)
    quantization = precision == .int8 ? try await source.scales(resuming: scales, setup, on: device) : nil
    let levels = quantization.map { Quantization($0) }
    if precision == .int8 { plan = try model.graph.plan(batch: batch, precision: .int8, quantization: levels) }
    // A device without room for the batch gets half of it, and the user is told.
    var made: NoisyClassifier?
    while made == nil {
      do {
        made = try await setup.classifier(
          plan, on: device, instances: device.concurrency, keepsInputs: keepsInputs)
      } catch DeviceError.outOfMemory(let reason) where batch > 1 && compute.batch == nil {
        batch /= 2
        Terminal.message("\(reason); trying a batch of \(batch).")
        plan = try model.graph.plan(batch: batch, precision: precision, quantization: levels)
      } catch DeviceError.outOfMemory(let reason) {
        throw UserError(
          "\(reason) "
            + (batch > 1
              ? "Leave out --batch, so that smaller ones are tried, or allow more with --memory."
              : "Not even one sample at a time fits: allow more with --memory, or use another device."))
      }
    }
    classifier = made!
    input = plan.inputs[0]
    identity = try await setup.identity(classifier, on: device, precision: precision, quantization: quantization)
  }

  /// Refuses arithmetic that the device does not have.
  static func require(_ precision: Precision, of device: any Device) throws {
    guard !device.precisions.contains(precision) else { return }
    throw UserError(
      "\(device.identity.name) (\(device.identity.kind), \(device.identity.variant)) does not offer "
        + "\(precision.rawValue); it offers " + device.precisions.map(\.rawValue).joined(separator: ", ") + "."
        + (precision == .int8 ? " int8 needs --device cpu and a processor with AVX-512 VNNI." : ""))
  }

  private static func firstInput(
    _ dataset: Dataset, _ data: DataOptions, _ preprocessing: Preprocessing, _ channels: Int?
  ) throws -> PreparedInput.Content {
    for index in data.skip..<dataset.count {
      let input = PreparedInput(dataset, index: index, preprocessing: preprocessing, modelChannels: channels)
      switch input.content {
      case .success(let content): return content
      case .failure(let error):
        if !data.skipBad || !error.concernsOneImage {
          throw UserError(
            "\(error)" + (error.concernsOneImage ? " Add --skip-bad to record such inputs and go on." : ""))
        }
      }
    }
    throw UserError("none of the inputs in \(dataset.path) can be read.")
  }

  func configuration(plan: SamplingPlan, shard: Shard, nonce: String, skipBad: Bool) throws -> RunConfiguration {
    try RunConfiguration(
      version: suretyVersion,
      model: .init(
        path: setup.model.path, sha256: setup.model.sha256, classes: classifier.classes, inputShape: modelShape),
      data: .init(
        path: absolutePath(data.data), labels: data.labels.map(absolutePath),
        listSHA256: SHA256.text(dataset.listDigestInput), count: dataset.count, skip: data.skip, limit: data.limit,
        shard: shard.index, shards: shard.count),
      preprocessing: setup.preprocessing.canonicalText, noise: setup.noise.description, nonce: nonce, sampling: plan,
      precision: precision.rawValue, quantization: quantization, skipBad: skipBad, classifier: identity)
  }

  func prefetcher(_ indices: [Int]) -> Prefetcher<PreparedInput> {
    let (dataset, preprocessing, channels) = (dataset, setup.preprocessing, modelChannels)
    return Prefetcher(indices, depth: 16) {
      PreparedInput(dataset, index: $0, preprocessing: preprocessing, modelChannels: channels)
    }
  }

  /// The model's input shape without the batch.
  var modelShape: [Int] { Array(input.shape.dropFirst()) }

  /// What the model ate in the latest pass of the first instance, as binary32 in the model's logical order.
  func logicalInputs(count: Int) throws -> [Float] {
    let bytes = try classifier.instances[0].modelInput()
    let memory: [Float] =
      input.type == .bfloat16
      ? bytes.withUnsafeBytes { $0.bindMemory(to: UInt16.self).map { Float(bitPattern: UInt32($0) << 16) } }
      : bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    let width = input.sampleCount
    let places = (0..<width).map { input.physicalIndex($0) }
    return (0..<count).flatMap { sample in places.map { memory[sample * width + $0] } }
  }

  var headline: String {
    "\(setup.model.name): \(classifier.classes) classes, input \(modelShape); \(dataset.summary); "
      + "\(device.identity.name) (\(device.identity.kind)), \(precision.rawValue), "
      + "\(classifier.instances.count) x \(classifier.batch) samples a pass"
  }

  /// A hint where hardly any label agrees although the classifier is sure of itself: permuted labels, as a rule.
  func labelAdvice(_ certificates: [SmoothingCertificate]) -> String? {
    let sure = certificates.filter { $0.label != nil && $0.decision == .certified }
    guard sure.count >= 20, sure.filter({ $0.isCorrect == true }).count * 20 < sure.count else { return nil }
    return "Hint: \(sure.count) inputs are certified, but hardly any of them for its label. Do the labels count the "
      + "classes in the model's order?"
  }
}
