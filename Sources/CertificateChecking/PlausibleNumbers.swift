import Certificates

/// Bounds on every size and count that a run folder states, far beyond any real run, checked before the numbers are used
/// in arithmetic: a file that someone edited may hold anything.
struct PlausibleNumbers {
  /// Why the configuration is refused, or nil.
  let problem: String?
  private let samples: Int

  init(_ configuration: RunConfiguration) {
    let (data, plan, model) = (configuration.data, configuration.sampling, configuration.model)
    samples = plan.estimation
    let hold: [(Bool, String)] = [
      ((0...100_000_000).contains(data.count), "the number of inputs"),
      ((0...100_000_000).contains(data.skip), "the inputs passed over"),
      ((1...100_000_000).contains(data.limit ?? 1), "the most inputs"),
      ((1...1_000_000).contains(data.shards) && (0..<max(1, data.shards)).contains(data.shard), "the shard"),
      ((2...10_000_000).contains(model.classes), "the number of classes"),
      (Self.isShape(model.inputShape), "the model's input shape"),
      ((1...1_000_000).contains(plan.selection), "n0"),
      ((1...1_000_000_000).contains(plan.estimation), "n"),
      (plan.looks.count <= 1000 && plan.tests.count <= 1000, "the number of looks or radii"),
      (Self.areScales(configuration.quantization), "the int8 scales"),
      (plan.looks.allSatisfy { $0 >= 1 && $0 <= plan.estimation }, "the looks"),
    ]
    problem = hold.first { !$0.0 }.map { "run.json: \($0.1) cannot be what it states" }
  }

  /// Whether a certificate's numbers can be worked with; they need not be right.
  func admits(_ certificate: SmoothingCertificate) -> Bool {
    certificate.index >= 0 && Self.isShape(certificate.imageShape)
      && (0...max(0, samples)).contains(certificate.samples)
      && (1...4096).contains(certificate.classifier.paddedBatch)
      && certificate.looks.allSatisfy { (0...max(0, samples)).contains($0.n) }
  }

  /// Positive numbers for different values.
  private static func areScales(_ quantization: QuantizationRecord?) -> Bool {
    guard let values = quantization?.values else { return true }
    return values.allSatisfy { $0.scale > 0 && $0.scale.isFinite } && Set(values.map(\.name)).count == values.count
  }

  /// At most 8 positive dimensions with at most 2^31 numbers in all.
  private static func isShape(_ shape: [Int]) -> Bool {
    var product = 1
    for size in shape {
      guard (1...(1 << 31)).contains(size) else { return false }
      product *= size
      if product > 1 << 31 { return false }
    }
    return shape.count <= 8
  }
}
