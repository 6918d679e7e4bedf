import Hashing

/// A run's full configuration: `run.json`.
package struct RunConfiguration: Sendable, Equatable, Codable {
  /// The format of the folder; another one is refused.
  package var format: String
  /// The program's version.
  package var version: String
  package var model: ModelReference
  package var data: DataReference
  /// The effective preprocessing's canonical JSON text.
  package var preprocessing: String
  package var noise: NoiseDescription
  /// The noise's nonce in hexadecimal, drawn from the system's random source unless given.
  package var nonce: String
  package var sampling: SamplingPlan
  package var precision: String
  /// The scales of an int8 classifier; nil for every other precision.
  package var quantization: QuantizationRecord?
  /// Whether unreadable inputs are recorded and passed over.
  package var skipBad: Bool
  /// The classifier of the latest start, or its first device's; records name their own.
  package var classifier: ClassifierIdentity
  /// The other classifiers of the latest start; nil where all its devices have one.
  package var furtherClassifiers: [ClassifierIdentity]?
  /// Other classifiers that records name, from earlier starts or joined shards; nil where there are none.
  package var earlierClassifiers: [ClassifierIdentity]?
  /// SHA-256 of everything that must be equal to resume (`digest`).
  package var configurationSHA256: String

  package static let currentFormat = "surety-smoothing-run-1"

  package struct ModelReference: Sendable, Equatable, Codable {
    /// Where the file was when the run started; a hint for the checker, not part of the configuration.
    package var path: String
    package var sha256: String
    package var classes: Int
    /// The model's input shape without the batch.
    package var inputShape: [Int]

    package init(path: String, sha256: String, classes: Int, inputShape: [Int]) {
      self.path = path
      self.sha256 = sha256
      self.classes = classes
      self.inputShape = inputShape
    }
  }

  package struct DataReference: Sendable, Equatable, Codable {
    /// Where the data was; a hint for the checker, not part of the configuration.
    package var path: String
    /// Where the labels were, if any; a hint.
    package var labels: String?
    /// SHA-256 of the list of inputs with their labels.
    package var listSHA256: String
    /// Inputs in the data, those passed over at the start, and the most that are taken.
    package var count: Int
    package var skip: Int
    package var limit: Int?
    /// This run's part of the work: inputs i with i mod shards = shard.
    package var shard: Int
    package var shards: Int

    package init(
      path: String, labels: String?, listSHA256: String, count: Int, skip: Int, limit: Int?, shard: Int, shards: Int
    ) {
      self.path = path
      self.labels = labels
      self.listSHA256 = listSHA256
      self.count = count
      self.skip = skip
      self.limit = limit
      self.shard = shard
      self.shards = shards
    }

    /// The inputs of this run, ascending.
    package func indices() -> [Int] {
      let end = limit.map { min(count, skip + $0) } ?? count
      guard skip < end else { return [] }
      return (skip..<end).filter { ($0 - skip) % shards == shard }
    }
  }

  package init(
    version: String, model: ModelReference, data: DataReference, preprocessing: String, noise: NoiseDescription,
    nonce: String, sampling: SamplingPlan, precision: String, quantization: QuantizationRecord? = nil, skipBad: Bool,
    classifier: ClassifierIdentity, furtherClassifiers: [ClassifierIdentity]? = nil
  ) throws {
    format = Self.currentFormat
    self.version = version
    self.model = model
    self.data = data
    self.preprocessing = preprocessing
    self.noise = noise
    self.nonce = nonce
    self.sampling = sampling
    self.precision = precision
    self.quantization = quantization
    self.skipBad = skipBad
    self.classifier = classifier
    self.furtherClassifiers = furtherClassifiers
    configurationSHA256 = ""
    configurationSHA256 = try digest()
  }

  /// The classifiers that votes are drawn from since the latest start, each once.
  package var classifiers: [ClassifierIdentity] { [classifier] + (furtherClassifiers ?? []) }

  /// Whether a record of this run may name the classifier.
  package func names(_ classifier: ClassifierIdentity) -> Bool {
    classifiers.contains(classifier) || earlierClassifiers?.contains(classifier) == true
  }

  /// Lists those classifiers of records that no start lists, in order of appearance.
  package mutating func list(classifiersOf records: [SmoothingCertificate]) {
    for record in records where !names(record.classifier) {
      earlierClassifiers = (earlierClassifiers ?? []) + [record.classifier]
    }
  }

  /// SHA-256 of what a certificate claims: noise, nonce and sampling plan.
  package func claimDigest() throws -> String {
    struct Claim: Encodable {
      let noise: NoiseDescription
      let nonce: String
      let sampling: SamplingPlan
    }
    return SHA256.text(Array(try JSONText.encode(Claim(noise: noise, nonce: nonce, sampling: sampling)).utf8))
  }

  /// SHA-256 of all that must be equal for two runs to be parts of one: not paths, version, shard or classifiers.
  package func digest() throws -> String {
    var same = self
    same.version = ""
    same.configurationSHA256 = ""
    same.model.path = ""
    same.data.path = ""
    same.data.labels = nil
    same.data.shard = 0
    same.classifier = ClassifierIdentity(
      modelSHA256: "", preprocessingSHA256: "", lookupSHA256: "", precision: "", paddedBatch: 0, deviceKind: "",
      deviceName: "", software: "", variant: "", logitsSHA256: "")
    same.furtherClassifiers = nil
    same.earlierClassifiers = nil
    return SHA256.text(Array(try JSONText.encode(same).utf8))
  }

  /// The first difference that forbids resuming `other` in this run's folder, as a sentence, or nil.
  package func difference(from other: RunConfiguration) -> String? {
    func differ(_ what: String, _ mine: some Equatable & CustomStringConvertible, _ its: String) -> String {
      "\(what) was \(mine) there and is \(its) now"
    }
    if format != other.format { return differ("the format", format, other.format) }
    if model.sha256 != other.model.sha256 { return "the model is another file (its SHA-256 differs)" }
    if noise != other.noise { return differ("the noise", noise.keyText, other.noise.keyText) }
    if nonce != other.nonce { return differ("the nonce", nonce, other.nonce) }
    if preprocessing != other.preprocessing { return differ("the preprocessing", preprocessing, other.preprocessing) }
    if precision != other.precision { return differ("the precision", precision, other.precision) }
    if quantization?.values != other.quantization?.values { return "the int8 scales differ" }
    if data.listSHA256 != other.data.listSHA256 { return "the list of inputs or labels changed" }
    if data != other.data {
      func text(_ data: DataReference) -> String {
        "skip \(data.skip), limit \(data.limit.map(String.init) ?? "none"), shard \(data.shard)/\(data.shards)"
      }
      if text(data) != text(other.data) { return differ("the selection of inputs", text(data), text(other.data)) }
    }
    if sampling.kind != other.sampling.kind {
      return differ("the sampling", sampling.kind.rawValue, other.sampling.kind.rawValue)
    }
    if sampling.alpha != other.sampling.alpha { return differ("alpha", sampling.alpha, other.sampling.alpha) }
    if sampling.selection != other.sampling.selection {
      return differ("n0", sampling.selection, String(other.sampling.selection))
    }
    if sampling.estimation != other.sampling.estimation {
      return differ("n", sampling.estimation, String(other.sampling.estimation))
    }
    if sampling != other.sampling { return "the radii or the looks differ" }
    // Adding --skip-bad is how a run that stopped at a bad input goes on.
    if skipBad && !other.skipBad { return "--skip-bad was given there and is not now" }
    return nil
  }
}
