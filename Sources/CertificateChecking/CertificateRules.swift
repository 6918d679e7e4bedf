import Certificates
import Hashing

/// What must hold for one certificate of a run, given the run's configuration and the certificate's bitmap.
struct CertificateRules {
  private let configuration: RunConfiguration
  private let plan: SamplingPlan
  private let claim: String
  private let sigma: ExactRational
  private let alpha: ExactRational
  /// M of the checker's own noise table.
  private let half: Int

  init(
    _ configuration: RunConfiguration, plan: SamplingPlan, claim: String, sigma: ExactRational, alpha: ExactRational,
    half: Int
  ) {
    self.configuration = configuration
    self.plan = plan
    self.claim = claim
    self.sigma = sigma
    self.alpha = alpha
    self.half = half
  }

  /// - Throws: the first rule that does not hold, as a sentence.
  func check(_ certificate: SmoothingCertificate, votes stored: [UInt8]?) throws {
    guard certificate.claimSHA256 == claim else {
      throw StatisticsRejection("it belongs to a run with another noise, nonce or sampling plan")
    }
    if certificate.decision == .unreadable {
      guard configuration.skipBad else {
        throw StatisticsRejection("it calls its input unreadable, at which this run would have stopped")
      }
      guard certificate.radius == "0", certificate.squaredLevels == nil, certificate.topClass == nil,
        certificate.samples == 0, certificate.selectionVotes.isEmpty, certificate.looks.isEmpty
      else { throw StatisticsRejection("an unreadable input can have no result") }
      return
    }
    try checkClassifier(certificate)
    try checkKey(certificate)
    try checkSelection(certificate)
    guard let stored else { throw StatisticsRejection("its votes are missing") }
    guard certificate.votesSHA256 == SHA256.text(stored) else {
      throw StatisticsRejection("its votes do not have the recorded hash")
    }
    let votes = try CheckedVotes(bytes: stored, count: certificate.samples)
    try checkLooks(certificate, votes)
    switch plan.kind {
    case .sequential: try checkSequential(certificate)
    case .fixed: try checkFixed(certificate)
    }
  }

  private func checkClassifier(_ certificate: SmoothingCertificate) throws {
    let classifier = certificate.classifier
    guard classifier.modelSHA256 == configuration.model.sha256 else {
      throw StatisticsRejection("its classifier has another model file than the run")
    }
    guard classifier.precision == configuration.precision else {
      throw StatisticsRejection("its classifier has another precision than the run")
    }
    guard (classifier.precision == "int8") == (configuration.quantization != nil) else {
      throw StatisticsRejection("int8 scales belong to int8 classifiers, and to no other")
    }
    guard try classifier.quantizationSHA256 == configuration.quantization?.digest() else {
      throw StatisticsRejection("its classifier has other int8 scales than the run")
    }
    guard classifier.preprocessingSHA256 == SHA256.text(Array(configuration.preprocessing.utf8)) else {
      throw StatisticsRejection("its classifier has another preprocessing than the run")
    }
    if configuration.noise.arithmetic == .exact { try checkLookup(certificate) }
    // Whether a listed classifier cast the votes is for an audit to see: it evaluates them again on that classifier.
    guard configuration.names(classifier) else {
      throw StatisticsRejection("its classifier is none of the run's")
    }
  }

  private func checkLookup(_ certificate: SmoothingCertificate) throws {
    guard certificate.imageShape.count == 3, certificate.imageShape[2] <= 4096 else {
      throw StatisticsRejection("its image has no rows, columns and channels")
    }
    let lookup = try CheckedLookup(
      preprocessing: configuration.preprocessing, half: half, channels: certificate.imageShape[2])
    guard certificate.classifier.lookupSHA256 == SHA256.text(lookup.bytes) else {
      throw StatisticsRejection("its look-up table is not the one of the preprocessing")
    }
  }

  private func checkKey(_ certificate: SmoothingCertificate) throws {
    guard let image = bytes(hexadecimal: certificate.imageSHA256), image.count == 32,
      let nonce = bytes(hexadecimal: configuration.nonce)
    else { throw StatisticsRejection("its image hash is none") }
    let noise = configuration.noise
    let law = "\(noise.law);sigma=\(noise.sigma);\(noise.arithmetic.rawValue)\n"
    let key = SHA256.digest(Array(law.utf8) + nonce + image).prefix(8)
    guard certificate.key == hexadecimal(key) else {
      throw StatisticsRejection("its key does not follow from noise law, nonce and image")
    }
  }

  private func checkSelection(_ certificate: SmoothingCertificate) throws {
    guard certificate.selectionVotes.count == plan.selection else {
      throw StatisticsRejection("it has \(certificate.selectionVotes.count) selection votes, not \(plan.selection)")
    }
    let classes = configuration.model.classes
    var counts: [Int: Int] = [:]
    for vote in certificate.selectionVotes {
      guard vote >= -1, vote < classes else { throw StatisticsRejection("a selection vote is for no class") }
      if vote >= 0 { counts[vote, default: 0] += 1 }
    }
    // Of classes with equally many votes the lowest.
    let top = counts.min { ($1.value, $0.key) < ($0.value, $1.key) }?.key
    guard certificate.topClass == top else {
      throw StatisticsRejection("its class is not the one with most selection votes")
    }
  }

  /// The looks are the plan's first ones, and their counts are the bitmap's.
  private func checkLooks(_ certificate: SmoothingCertificate, _ votes: CheckedVotes) throws {
    guard certificate.looks.count <= plan.looks.count,
      zip(certificate.looks, plan.looks).allSatisfy({ $0.n == $1 })
    else { throw StatisticsRejection("its looks are not the plan's") }
    guard certificate.samples == certificate.looks.last?.n ?? 0 else {
      throw StatisticsRejection("it holds other samples than its last look counts")
    }
    let counts = try votes.votes(atLooks: certificate.looks.map(\.n))
    for (look, count) in zip(certificate.looks, counts) where look.votes != count {
      throw StatisticsRejection("it states \(look.votes) votes at look \(look.n), the bitmap has \(count)")
    }
  }

  /// Nested claims: a radius is tested only when all smaller ones are certified.
  private func checkSequential(_ certificate: SmoothingCertificate) throws {
    var claimed = 0
    for (index, look) in certificate.looks.enumerated() {
      for test in look.tests {
        guard claimed < plan.tests.count, test.radius == plan.tests[claimed].radius,
          test.boundary == plan.tests[claimed].boundaries[index]
        else { throw StatisticsRejection("a test at look \(look.n) is not the plan's") }
        guard test.passed == (look.votes >= test.boundary && look.votes <= look.n) else {
          throw StatisticsRejection("a test at look \(look.n) does not follow from its votes")
        }
        if test.passed { claimed += 1 }
      }
    }
    guard claimed > 0 else {
      guard certificate.decision == .abstain, certificate.radius == "0", certificate.squaredLevels == nil else {
        throw StatisticsRejection("it certifies a radius that no test passed")
      }
      return
    }
    let test = plan.tests[claimed - 1]
    guard certificate.decision == .certified, certificate.radius == test.radius else {
      throw StatisticsRejection("its radius is not the largest one whose tests passed")
    }
    try checkLevels(certificate, ExactRational(decimal: test.radius))
  }

  /// The radius is what the votes certify: not more, and not less by more than rounding explains.
  private func checkFixed(_ certificate: SmoothingCertificate) throws {
    guard let look = certificate.looks.last, look.n == plan.estimation else {
      guard certificate.topClass == nil, certificate.decision == .abstain, certificate.radius == "0",
        certificate.squaredLevels == nil
      else { throw StatisticsRejection("it did not draw all samples") }
      return
    }
    let dimension = certificate.imageShape.reduce(1, *)
    let tau =
      configuration.noise.arithmetic == .exact ? CheckedNull.totalVariation(dimension: dimension, half: half) : .zero
    func certifies(_ radius: ExactRational) throws {
      try CheckedFixedSampling.verify(
        radius: radius, sigma: sigma, totalVariation: tau, votes: look.votes, samples: look.n, alpha: alpha)
    }
    let isCertified = certificate.decision == .certified
    let radius = isCertified ? try ExactRational(decimal: certificate.radius) : .zero
    if isCertified {
      try certifies(radius)
      try checkLevels(certificate, radius)
    } else if certificate.radius != "0" || certificate.squaredLevels != nil {
      throw StatisticsRejection("an abstention has a radius")
    }
    let millionth = ExactRational(1, over: 1_000_000)
    let reachesFarther = (try? certifies(radius + (radius + sigma) * millionth)) != nil
    if reachesFarther {
      throw StatisticsRejection(
        isCertified ? "its radius is smaller than the one its votes certify" : "it abstains where its votes certify")
    }
  }

  /// D = floor((255 R)^2) for exact arithmetic, none for real arithmetic.
  private func checkLevels(_ certificate: SmoothingCertificate, _ radius: ExactRational) throws {
    guard configuration.noise.arithmetic == .exact else {
      guard certificate.squaredLevels == nil else {
        throw StatisticsRejection("real arithmetic gives no integer radius")
      }
      return
    }
    guard let levels = certificate.squaredLevels else { throw StatisticsRejection("its integer radius is missing") }
    try CheckedFixedSampling.verify(squaredLevels: levels, radius: radius)
    guard CheckedNull.squaredLevels(radius: radius) == levels else {
      throw StatisticsRejection("its integer radius is not the one of its radius")
    }
  }
}
