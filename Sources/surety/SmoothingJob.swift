import CPUCompute
import Certificates
import Compute
import Graphs
import Hashing
import Inputs
import Reports
import Smoothing
import Statistics

/// Model, data, noise and devices of a smoothing command, opened and checked against each other.
struct SmoothingJob {
  let setup: ClassifierSetup
  let dataset: Dataset
  let precision: Precision
  /// One for each device, in the order of the devices.
  let lanes: [Lane]
  /// The scales of an int8 classifier.
  private let quantization: QuantizationRecord?
  private let data: DataOptions
  private let modelChannels: Int?
  /// Where the model's input stands in the first device's memory.
  private let input: InputPlacement

  /// A device and the classifier that was built on it.
  struct Lane {
    let device: any Device
    let classifier: NoisyClassifier
    let identity: ClassifierIdentity
  }

  /// The only device's classifier; every command but certify has one device.
  var classifier: NoisyClassifier { lanes[0].classifier }

  /// The inputs that were asked for, by their place in the data.
  var indices: [Int] {
    let end = data.limit.map { min(dataset.count, data.skip + $0) } ?? dataset.count
    return Array(data.skip..<max(data.skip, end))
  }

  /// - Parameters:
  ///   - scales: those of the run that is resumed; they are measured only where there are none.
  ///   - allowsSeveralDevices: whether `--device` may name several, which then compute side by side.
  ///   - keepsInputs: whether the noisy inputs can be read (`smooth sample`).
  init(
    model modelOptions: ModelOptions, data: DataOptions, compute: ComputeOptions, sigma: ExactDecimal,
    scales: QuantizationRecord? = nil, allowsSeveralDevices: Bool = false, keepsInputs: Bool = false
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
    let choice = try DeviceChoice(compute)
    let devices = try allowsSeveralDevices ? choice.devices() : [choice.device()]
    for device in devices {
      try Self.require(precision, of: device)
      if precision == .bfloat16, device is CPUDevice, let advice = CPUDevice.bfloat16Advice {
        Terminal.message("Note: \(advice).")
      }
    }
    let batch = try compute.batch ?? DeviceChoice.defaultBatch(devices[0], model.graph)
    let plan = try model.graph.plan(batch: batch, precision: precision == .int8 ? .float32 : precision)
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
    let quantization = precision == .int8 ? try await source.scales(resuming: scales, setup, on: devices[0]) : nil
    var (lanes, inputs): ([Lane], [InputPlacement]) = ([], [])
    for device in devices {
      // Beside other devices the CPU leaves a core to each of them, which feeds it.
      let instances =
        device is CPUDevice ? max(1, device.concurrency - (devices.count - 1)) : device.concurrency
      let (lane, input) = try await Self.lane(
        setup, on: device, instances: instances, first: lanes.isEmpty && precision != .int8 ? plan : nil,
        precision: precision, quantization: quantization, batch: compute.batch, keepsInputs: keepsInputs)
      lanes.append(lane)
      inputs.append(input)
    }
    self.lanes = lanes
    self.quantization = quantization
    input = inputs[0]
  }

  /// Builds the classifier on a device; `first` is a plan for its default batch, if there is one already.
  ///
  /// A device without room for the batch gets half of it, and the user is told.
  private static func lane(
    _ setup: ClassifierSetup, on device: any Device, instances: Int, first: LoweringPlan?, precision: Precision,
    quantization: QuantizationRecord?, batch wanted: Int?, keepsInputs: Bool
  ) async throws -> (Lane, InputPlacement) {
    let levels = quantization.map { Quantization($0) }
    var batch = try wanted ?? DeviceChoice.defaultBatch(device, setup.model.graph)
    var plan = try first ?? setup.model.graph.plan(batch: batch, precision: precision, quantization: levels)
    while true {
      do {
        let classifier = try await setup.classifier(
          plan, on: device, instances: instances, keepsInputs: keepsInputs)
        let identity = try await setup.identity(
          classifier, on: device, precision: precision, quantization: quantization)
        return (Lane(device: device, classifier: classifier, identity: identity), plan.inputs[0])
      } catch DeviceError.outOfMemory(let reason) where batch > 1 && wanted == nil {
        batch /= 2
        Terminal.message("\(reason); trying a batch of \(batch).")
        plan = try setup.model.graph.plan(batch: batch, precision: precision, quantization: levels)
      } catch DeviceError.outOfMemory(let reason) {
        throw UserError(
          "\(reason) "
            + (batch > 1
              ? "Leave out --batch, so that smaller ones are tried, or allow more with --memory."
              : "Not even one sample at a time fits: allow more with --memory, or use another device."))
      }
    }
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
    // Equal devices have one classifier.
    var identities: [ClassifierIdentity] = []
    for lane in lanes where !identities.contains(lane.identity) { identities.append(lane.identity) }
    return try RunConfiguration(
      version: suretyVersion,
      model: .init(
        path: setup.model.path, sha256: setup.model.sha256, classes: classifier.classes, inputShape: modelShape),
      data: .init(
        path: absolutePath(data.data), labels: data.labels.map(absolutePath),
        listSHA256: SHA256.text(dataset.listDigestInput), count: dataset.count, skip: data.skip, limit: data.limit,
        shard: shard.index, shards: shard.count),
      preprocessing: setup.preprocessing.canonicalText, noise: setup.noise.description, nonce: nonce, sampling: plan,
      precision: precision.rawValue, quantization: quantization, skipBad: skipBad, classifier: identities[0],
      furtherClassifiers: identities.count > 1 ? Array(identities.dropFirst()) : nil)
  }

  /// Draws the scheduler's batches on all devices, each in its lane, until there are no more.
  func drawVotes(for scheduler: VoteScheduler, counter: ProgressCounter) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (number, lane) in lanes.enumerated() {
        let classifier = lane.classifier
        group.addTask { try await classifier.drawVotes(for: scheduler, lane: number, counter: counter) }
      }
      try await group.waitForAll()
    }
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
    let devices = lanes.map { lane in
      let (device, classifier) = (lane.device.identity, lane.classifier)
      return "\(device.name) (\(device.kind)), \(precision.rawValue), \(classifier.instances.count) x "
        + "\(classifier.batch) samples a pass"
    }
    return
      "\(setup.model.name): \(classifier.classes) classes, input \(modelShape); \(dataset.summary); "
      + devices.joined(separator: "; ")
  }

  /// A hint where hardly any label agrees although the classifier is sure of itself: permuted labels, as a rule.
  func labelAdvice(_ certificates: [SmoothingCertificate]) -> String? {
    let sure = certificates.filter { $0.label != nil && $0.decision == .certified }
    guard sure.count >= 20, sure.filter({ $0.isCorrect == true }).count * 20 < sure.count else { return nil }
    return "Hint: \(sure.count) inputs are certified, but hardly any of them for its label. Do the labels count the "
      + "classes in the model's order?"
  }
}
