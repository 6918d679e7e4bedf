import Certificates

/// Configurations and certificates with made-up but consistent numbers.
struct SyntheticRun {
  var configuration: RunConfiguration
  var certificates: [SmoothingCertificate] = []
  var seconds: [Int: Double] = [:]

  struct Options {
    var inputs = 20
    /// Inputs that are not finished.
    var open = 0
    var radii = ["0.06"]
    var fixed = false
    var labelled = true
    var unreadable = false
    var arithmetic = NoiseDescription.Arithmetic.exact
    var name = "ILSVRC2012_val_"
    var estimation = 10_000
    var classifiers = 1
    var seed: UInt64 = 1
  }

  /// SplitMix64.
  struct Random: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  static func hex(_ seed: Int) -> String {
    var random = Random(state: UInt64(truncatingIfNeeded: seed))
    return (0..<4).map { _ in
      let digits = String(random.next(), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  static func squaredLevels(_ radius: String) -> Int {
    Int(((Double(radius) ?? 0) * 255 * (Double(radius) ?? 0) * 255))
  }

  static func identity(_ number: Int) -> ClassifierIdentity {
    ClassifierIdentity(
      modelSHA256: hex(1), preprocessingSHA256: hex(2), lookupSHA256: hex(3), precision: "float32", paddedBatch: 32,
      deviceKind: number == 0 ? "cpu" : "opencl", deviceName: number == 0 ? "AMD EPYC 9555" : "NVIDIA H100 80GB HBM3",
      software: number == 0 ? "oneDNN 2.6.3" : "CUDA 580.65",
      variant: number == 0 ? "avx512_core" : "portable tiles R1",
      logitsSHA256: hex(10 + number))
  }

  static func plan(_ options: Options) -> SamplingPlan {
    let n = options.estimation
    let looks = options.fixed ? [n] : [n / 500, n / 100, n / 20, n / 5, n / 2, n]
    let tests = options.radii.enumerated().map { place, radius in
      let probability = 0.6915 + 0.1 * Double(place) / Double(options.radii.count)
      return RadiusTest(
        radius: radius, nullProbability: probability,
        boundaries: looks.enumerated().map { look, n in
          Int((probability + 2.5 / Double(n).squareRoot()) * Double(n)) + (look == 0 && place > 1 ? 10 : 0)
        },
        spent: [0.00002, 0.00005, 0.0001, 0.0002, 0.0003, 0.000999], squaredLevels: squaredLevels(radius))
    }
    return SamplingPlan(
      kind: options.fixed ? .fixed : .sequential, alpha: "0.001", selection: 100, estimation: n,
      schedule: options.fixed ? nil : "six", looks: looks, tests: options.fixed ? [] : tests)
  }

  init(_ options: Options) throws {
    let plan = Self.plan(options)
    configuration = try RunConfiguration(
      version: "0.1.0",
      model: .init(
        path: "models/efficientnet_lite0.onnx", sha256: Self.hex(1), classes: 1000, inputShape: [3, 224, 224]),
      data: .init(
        path: "images", labels: options.labelled ? "labels.csv" : nil, listSHA256: Self.hex(4),
        count: options.inputs, skip: 0, limit: nil, shard: 0, shards: 1),
      preprocessing: #"{"channels":"RGB","crop":224,"interpolation":"bilinear","layout":"auto","mean":[127,127,127],"#
        + #""resize":256,"scale":255,"std":[128,128,128],"transpose":false}"#,
      noise: NoiseDescription(
        law: "gaussian", sigma: "0.12", arithmetic: options.arithmetic, tableHalf: 510, tableSHA256: Self.hex(5)),
      nonce: String(Self.hex(6).prefix(32)), sampling: plan, precision: "float32", skipBad: options.unreadable,
      classifier: Self.identity(0))
    var random = Random(state: options.seed)
    let claim = try configuration.claimDigest()
    for index in 0..<(options.inputs - options.open) {
      let certificate = Self.certificate(index, options, plan, claim, &random)
      certificates.append(certificate)
      seconds[index] = Double(certificate.passes) / 179
    }
  }

  private static func certificate(
    _ index: Int, _ options: Options, _ plan: SamplingPlan, _ claim: String, _ random: inout Random
  ) -> SmoothingCertificate {
    let label = Int.random(in: 0..<1000, using: &random)
    let topClass = Double.random(in: 0..<1, using: &random) < 0.8 ? label : (label + 17) % 1000
    let strength = Double.random(in: 0..<1, using: &random)
    var decision = strength < 0.2 ? SmoothingCertificate.Decision.abstain : .certified
    if options.unreadable && index % 9 == 4 { decision = .unreadable }
    let reached = min(options.radii.count - 1, Int(Double(options.radii.count) * (strength - 0.2) / 0.7))
    let radius =
      decision != .certified
      ? "0" : options.fixed ? CertifiedTable.decimal(strength * 0.45, places: 6) : options.radii[max(0, reached)]
    let lastLook = options.fixed ? 0 : Int.random(in: 0..<plan.looks.count, using: &random)
    let samples = decision == .unreadable ? 0 : plan.looks[lastLook]
    let looks = (0...lastLook).map { look in
      SmoothingCertificate.Look(
        n: plan.looks[look], votes: Int(Double(plan.looks[look]) * (0.6 + 0.39 * strength)),
        tests: plan.tests.map { test in
          .init(radius: test.radius, boundary: test.boundaries[look], passed: decision == .certified)
        })
    }
    let unreadable = decision == .unreadable
    return SmoothingCertificate(
      index: index, name: "\(options.name)\(index).JPEG", label: options.labelled ? label : nil, decision: decision,
      problem: unreadable ? "images/\(index).JPEG is no JPEG: the file ends after 12 bytes" : nil,
      imageShape: unreadable ? [] : [224, 224, 3], imageSHA256: unreadable ? "" : hex(1000 + index),
      key: String(hex(2000 + index).prefix(16)), topClass: unreadable ? nil : topClass,
      selectionVotes: unreadable ? [] : [Int](repeating: topClass, count: plan.selection),
      looks: unreadable ? [] : looks, samples: samples, votesSHA256: hex(3000 + index), radius: radius,
      squaredLevels: decision == .certified && options.arithmetic == .exact ? squaredLevels(radius) : nil,
      claimSHA256: claim, classifier: identity(index % options.classifiers))
  }
}
