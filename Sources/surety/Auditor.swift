import CertificateChecking
import Certificates
import Compute
import Graphs
import Hashing
import Inputs
import Reports
import Smoothing
import Statistics
import Tensors

/// What an audit of stored votes found.
struct AuditReport: Encodable {
  var device: String
  var sameClassifier: Bool
  /// Votes evaluated again for each certificate, and in all.
  var samplesPerCertificate: Int
  var evaluated = 0
  var agreed = 0
  /// Disagreements that another device's rounding explains.
  var explained = 0
  var disagreed = 0
  var problems: [String] = []
  var notes: [String] = []
  /// The share of false votes per certificate that is still possible at 99.9 %.
  var remainingShare: Double
  /// For each certified input, the radius that would survive subtracting that share; acceptance does not subtract it.
  var survivingRadii: [SurvivingRadius] = []

  struct SurvivingRadius: Encodable {
    var index: Int
    var radius: String
    var surviving: Double
  }

  var text: String {
    var lines = [
      "Audit on \(device): \(NumberText.grouped(evaluated)) votes evaluated again, "
        + "\(NumberText.grouped(agreed)) agree"
        + (explained > 0 ? ", \(explained) differ within the rounding of another device" : "")
        + (disagreed > 0 ? ", \(disagreed) DISAGREE" : "") + ".",
      "At 99.9 % at most \(NumberText.significant(remainingShare * 100, digits: 3, rounding: .up)) % of a certificate's "
        + "votes can still be false.",
    ]
    let certified = survivingRadii.filter { $0.surviving > 0 }
    if !survivingRadii.isEmpty {
      lines.append(
        "Subtracting that share would leave \(certified.count) of \(survivingRadii.count) certificates with a radius"
          + (certified.isEmpty
            ? "."
            : ", the smallest "
              + NumberText.significant(certified.map(\.surviving).min() ?? 0, digits: 4, rounding: .down)
              + " (acceptance does not subtract it)."))
    }
    return lines.joined(separator: "\n")
  }
}

/// Why stored votes cannot be evaluated again here; everything else is checked all the same.
struct AuditRefusal: Error {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}

/// Evaluates stored votes again: noise by the checker's code, the network on a device of choice.
///
/// A certificate's votes are held to be those of the classifier that it names, whatever other classifiers voted in the
/// run: to the bit where that classifier is at hand, up to the rounding of another device elsewhere.
struct Auditor {
  private let checker: RunChecker
  private let files: CheckedFiles
  private let model: LoadedModel
  /// The certificates that have votes.
  private let wanted: [SmoothingCertificate]
  /// Where each classifier's votes are evaluated.
  private let devices: [ClassifierIdentity: any Device]
  private let precision: Precision
  private let quiet: Bool

  init(_ checker: RunChecker, files: CheckedFiles, device name: String, quiet: Bool) throws {
    guard let model = files.model else {
      throw UserError("--samples needs the model; name it with --model. \(files.notes.joined(separator: " "))")
    }
    guard files.dataset != nil else {
      throw UserError("--samples needs the images; name them with --data. \(files.notes.joined(separator: " "))")
    }
    self.checker = checker
    self.files = files
    self.model = model
    self.quiet = quiet
    wanted = checker.certificates.filter { $0.decision != .unreadable }
    var devices: [ClassifierIdentity: any Device] = [:]
    let named: (any Device)? = try name == "auto" ? nil : DeviceChoice(name: name).device()
    for certificate in wanted where devices[certificate.classifier] == nil {
      devices[certificate.classifier] = try named ?? DeviceChoice.device(like: certificate.classifier)
    }
    self.devices = devices
    guard let precision = Precision(rawValue: checker.configuration.precision) else {
      throw UserError("the run's precision \(checker.configuration.precision) is unknown.")
    }
    self.precision = precision
  }

  func audit(samples: Int) async throws -> AuditReport {
    let names = Set(devices.values.map { "\($0.identity.name) (\($0.identity.kind))" })
    var report = AuditReport(
      device: names.isEmpty ? "no device" : names.sorted().joined(separator: " and "), sameClassifier: true,
      samplesPerCertificate: samples, remainingShare: VoteAudit.remainingShare(samples: samples))
    let sampler = try CheckedSampler(table: checker.table, noise: checker.configuration.noise)
    for (identity, certificates) in Dictionary(grouping: wanted, by: \.classifier) {
      guard let device = devices[identity] else { continue }
      guard device.precisions.contains(precision) else {
        throw AuditRefusal(
          "the votes were cast in \(precision.rawValue), which \(device.identity.name) does not offer")
      }
      let plan = try model.graph.plan(
        batch: identity.paddedBatch, precision: precision,
        quantization: checker.configuration.quantization.map { Quantization($0) })
      guard try NoisyClassifier.sizes(plan).classes == checker.configuration.model.classes else {
        report.problems.append("the model has another number of classes than run.json states")
        return report
      }
      let isSame = try await currentIdentity(identity, on: device, plan, certificates[0]) == identity
      guard isSame || precision == .float32 else {
        throw AuditRefusal(
          "the votes were cast by another classifier (\(identity.deviceName), \(identity.software), "
            + "\(identity.variant)), and \(precision.rawValue) votes can be replayed on an equal one only")
      }
      report.sameClassifier = report.sameClassifier && isSame
      let lowered = try plan.lowered()
      let network = try AuditNetwork(
        prepared: await device.prepare(lowered.commands, instances: device.concurrency), lowered: lowered,
        classes: checker.configuration.model.classes, batch: identity.paddedBatch)
      let audit = VoteAudit(isSameClassifier: isSame)
      for certificate in certificates.sorted(by: { $0.index < $1.index }) {
        if !quiet, Terminal.isInteractive {
          Terminal.bar("Audit: input \(certificate.index), \(report.evaluated) votes evaluated")
        }
        try await self.audit(certificate, samples, sampler, plan, network, audit, &report)
      }
    }
    Terminal.clearBar()
    if !report.sameClassifier {
      report.notes.append("The votes were evaluated by another classifier identity than the one that cast them.")
    }
    return report
  }

  private func audit(
    _ certificate: SmoothingCertificate, _ samples: Int, _ sampler: CheckedSampler, _ plan: LoweringPlan,
    _ network: AuditNetwork, _ audit: VoteAudit, _ report: inout AuditReport
  ) async throws {
    guard let content = try files.input(certificate.index)?.content.get(),
      let stored = try DurableFile.read("\(checker.folder)/votes/\(certificate.index).bits"),
      let key = bytes(hexadecimal: certificate.key), key.count == 8
    else { return }
    let votes = try CheckedVotes(bytes: stored, count: certificate.samples)
    let words = NoiseDescription.words(key)
    let placed = try PlacedInput(content, plan: plan, files: files, checker: checker)
    let questions = VoteAudit.questions(for: certificate, count: samples)
    let logits = try await network.logits(count: questions.count) { position in
      let question = questions[position]
      return placed.noisy(sampler, key: words, stream: question.stream, sample: UInt64(question.sample))
    }
    var wrong = 0
    for (question, logits) in zip(questions, logits) {
      report.evaluated += 1
      switch audit.answer(question, certificate: certificate, votes: votes, logits: logits) {
      case .agrees: report.agreed += 1
      case .explained: report.explained += 1
      case .disagrees:
        report.disagreed += 1
        wrong += 1
      }
    }
    if wrong > 0 {
      report.problems.append(
        "certificate of input \(certificate.index) (\(certificate.name)): \(wrong) of \(questions.count) votes evaluated "
          + "again are not the classifier's")
    }
    if certificate.decision == .certified {
      report.survivingRadii.append(
        .init(index: certificate.index, radius: certificate.radius, surviving: try surviving(certificate, report)))
    }
  }

  /// The radius from the votes less the share that the audit leaves open: information, not a certificate.
  private func surviving(_ certificate: SmoothingCertificate, _ report: AuditReport) throws -> Double {
    guard let look = certificate.looks.last else { return 0 }
    let lost = Int((report.remainingShare * Double(look.n)).rounded(.up))
    let sigma = try ExactDecimal(checker.configuration.noise.sigma)
    let alpha = try ExactDecimal(checker.configuration.sampling.alpha).roundedDown
    let limit = ClopperPearson.lower(successes: max(0, look.votes - lost), trials: look.n, alpha: alpha)
    let radius = GaussianCertificate.radius(limit: limit, sigma: sigma, totalVariation: 0) ?? 0
    return min(radius, Double(certificate.radius) ?? 0)
  }

  /// The identity of the classifier at hand, built as the producer builds it.
  private func currentIdentity(
    _ recorded: ClassifierIdentity, on device: any Device, _ plan: LoweringPlan, _ certificate: SmoothingCertificate
  ) async throws -> ClassifierIdentity {
    var identity = recorded
    identity.modelSHA256 = model.sha256
    identity.deviceKind = device.identity.kind
    identity.deviceName = device.identity.name
    identity.software = device.identity.software
    // The tiles of the layers follow the variant; the classifier below has its own.
    if !recorded.variant.hasPrefix(device.identity.variant) { identity.variant = device.identity.variant }
    guard identity == recorded else { return identity }
    guard let preprocessing = files.preprocessing else { return identity }
    let setup = try ClassifierSetup(
      model: model, preprocessing: preprocessing, sigma: ExactDecimal(checker.configuration.noise.sigma),
      imageShape: certificate.imageShape, isReal: checker.configuration.noise.arithmetic == .real)
    let classifier = try await setup.classifier(plan, on: device, instances: 1)
    return try await setup.identity(
      classifier, on: device, precision: precision, quantization: checker.configuration.quantization)
  }
}

/// An image with the way from its noisy pixels to the model's input, by the checker's table.
private struct PlacedInput {
  private let content: PreparedInput.Content
  private let lookup: CheckedLookup?
  /// For each stored pixel: its place in the memory of the model's input, and the table of its model channel.
  private let places: [Int]
  private let channels: [Int]

  init(_ content: PreparedInput.Content, plan: LoweringPlan, files: CheckedFiles, checker: RunChecker) throws {
    self.content = content
    let input = plan.inputs[0]
    if content.isReal {
      lookup = nil
      channels = []
      places = (0..<content.shape.reduce(1, *)).map { input.physicalIndex($0) }
      return
    }
    guard let preprocessing = files.preprocessing else { throw UserError("the preprocessing is missing.") }
    let image = Image8(
      width: content.shape[1], height: content.shape[0], channels: content.shape[2], pixels: content.bytes)
    let placement = try preprocessing.placement(modelShape: Array(input.shape.dropFirst()), image: image)
    lookup = try CheckedLookup(
      preprocessing: checker.configuration.preprocessing, half: checker.table.half, channels: content.shape[2])
    var modelChannel = [Int](repeating: 0, count: content.shape[2])
    for (channel, storage) in placement.channelOrder.enumerated() { modelChannel[storage] = channel }
    var places: [Int] = []
    var channels: [Int] = []
    for row in 0..<content.shape[0] {
      for column in 0..<content.shape[1] {
        for storage in 0..<content.shape[2] {
          let logical = placement.modelIndex(row: row, column: column, modelChannel: modelChannel[storage])
          places.append(input.physicalIndex(logical))
          channels.append(modelChannel[storage])
        }
      }
    }
    self.places = places
    self.channels = channels
  }

  func noisy(_ sampler: CheckedSampler, key: (UInt32, UInt32), stream: UInt32, sample: UInt64) -> [Float] {
    var result = [Float](repeating: 0, count: places.count)
    if let lookup {
      let pixels = sampler.pixels(of: content.bytes, key: key, stream: stream, sample: sample)
      for index in pixels.indices {
        result[places[index]] = lookup.tables[channels[index]][Int(pixels[index]) - lookup.lowest]
      }
    } else {
      let values = content.bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
      let noisy = sampler.numbers(of: values, key: key, stream: stream, sample: sample)
      for index in noisy.indices { result[places[index]] = noisy[index] }
    }
    return result
  }
}

/// The network without a noise step, on all instances of a device.
struct AuditNetwork: Sendable {
  private let prepared: [any PreparedList]
  private let input: Value
  private let type: ElementType
  private let logits: Value
  private let classes: Int
  private let batch: Int

  init(prepared: [any PreparedList], lowered: LoweredGraph, classes: Int, batch: Int) throws {
    self.prepared = prepared
    input = lowered.inputs[0].value
    type = lowered.inputs[0].placement.type
    logits = lowered.outputs[0]
    self.classes = classes
    self.batch = batch
  }

  /// The logits of `count` samples, in order; `sample` gives a sample's input in memory order.
  func logits(count: Int, sample: @escaping @Sendable (Int) -> [Float]) async throws -> [[Float]] {
    let batches = (count + batch - 1) / batch
    var results = [[[Float]]](repeating: [], count: batches)
    try await withThrowingTaskGroup(of: [(Int, [[Float]])].self) { group in
      for (number, instance) in prepared.enumerated() {
        group.addTask {
          var done: [(Int, [[Float]])] = []
          for index in stride(from: number, to: batches, by: prepared.count) {
            let numbers = (index * batch)..<min(count, (index + 1) * batch)
            var floats = numbers.flatMap(sample)
            let width = floats.count / numbers.count
            while floats.count < batch * width { floats += floats.prefix(width) }
            switch type {
            case .bfloat16: try instance.write(floats.map { bfloat16($0) }, to: input)
            case .float16: try instance.write(floats.map { half($0) }, to: input)
            default: try instance.write(floats, to: input)
            }
            try await instance.run()
            let all = try instance.read(logits, as: Float.self)
            done.append(
              (index, numbers.indices.map { Array(all[(($0 - numbers.lowerBound) * classes)...].prefix(classes)) }))
          }
          return done
        }
      }
      for try await done in group { for (index, logits) in done { results[index] = logits } }
    }
    return results.flatMap { $0 }
  }
}
