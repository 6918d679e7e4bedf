import Certificates
import Hashing

/// What must hold for one certificate of a run, given the run's configuration and the certificate's bitmap.
struct CertificateRules {
  private let configuration: RunConfiguration
  private let plan: SamplingPlan
  private let claim: String
  private let sigma: ExactRational
  private let alpha: ExactRational

  init(
    _ configuration: RunConfiguration, plan: SamplingPlan, claim: String, sigma: ExactRational, alpha: ExactRational
  ) {
    self.configuration = configuration
    self.plan = plan
    self.claim = claim
    self.sigma = sigma
    self.alpha = alpha
  }

  /// - Throws: the first rule that does not hold, as a sentence.
  func check(_ certificate: SmoothingCertificate, votes stored: [UInt8]?) throws {
    guard certificate.claimSHA256 == claim else {
      throw StatisticsRejection("it belongs to a run with another noise, nonce or sampling plan")
    }
    if certificate.decision == .unreadable {
      guard certificate.radius == "0", certificate.squaredLevels == nil, certificate.topClass == nil,
        certificate.samples == 0
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
    guard classifier.preprocessingSHA256 == SHA256.text(Array(configuration.preprocessing.utf8)) else {
      throw StatisticsRejection("its classifier has another preprocessing than the run")
    }
    guard configuration.noise.arithmetic == .exact else { return }
    guard certificate.imageShape.count == 3 else { throw StatisticsRejection("its image has no rows and columns") }
    let lookup = try CheckedLookup(
      preprocessing: configuration.preprocessing, half: configuration.noise.tableHalf,
      channels: certificate.imageShape[2])
    guard classifier.lookupSHA256 == SHA256.text(lookup.bytes) else {
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
    var counts = [Int](repeating: 0, count: classes)
    for vote in certificate.selectionVotes {
      guard vote >= -1, vote < classes else { throw StatisticsRejection("a selection vote is for no class") }
      if vote >= 0 { counts[vote] += 1 }
    }
    var top: Int?
    for (index, count) in counts.enumerated() where count > 0 && count > top.map({ counts[$0] }) ?? 0 { top = index }
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

  private func checkFixed(_ certificate: SmoothingCertificate) throws {
    guard certificate.decision == .certified else {
      guard certificate.radius == "0", certificate.squaredLevels == nil else {
        throw StatisticsRejection("an abstention has a radius")
      }
      return
    }
    guard let look = certificate.looks.last, look.n == plan.estimation else {
      throw StatisticsRejection("it did not draw all samples")
    }
    let radius = try ExactRational(decimal: certificate.radius)
    let dimension = certificate.imageShape.reduce(1, *)
    let tau =
      configuration.noise.arithmetic == .exact
      ? CheckedNull.totalVariation(dimension: dimension, half: configuration.noise.tableHalf) : .zero
    try CheckedFixedSampling.verify(
      radius: radius, sigma: sigma, totalVariation: tau, votes: look.votes, samples: look.n, alpha: alpha)
    try checkLevels(certificate, radius)
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
  }
}
