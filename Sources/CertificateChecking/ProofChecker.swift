import Certificates
import Networks
import Synchronization

/// Replays proofs of verification with code that no search uses.
///
/// Guarantee: an accepted proof means that the property holds for the network that was handed in, in the arithmetic that
/// the proof names, as far as this checker and the reading of both files are right. Every bound is computed here, in
/// binary64 with each rounding charged; slopes and multipliers in the proof are hints.
package struct ProofChecker: Sendable {
  package var network: Network
  package var property: Property
  /// SHA-256, in hexadecimal, of the bytes that network and property were read from.
  package var modelSHA256: String
  package var propertySHA256: String

  package init(network: Network, property: Property, modelSHA256: String, propertySHA256: String) {
    self.network = network
    self.property = property
    self.modelSHA256 = modelSHA256
    self.propertySHA256 = propertySHA256
  }

  package struct Options: Sendable {
    package var threads: Int
    /// When to give up; nil: never.
    package var deadline: ContinuousClock.Instant?
    /// How often a leaf that falls short may be cut in two, in all.
    package var bisections: Int

    package init(threads: Int = 2, deadline: ContinuousClock.Instant? = nil, bisections: Int = 200_000) {
      self.threads = max(1, threads)
      self.deadline = deadline
      self.bisections = bisections
    }
  }

  /// The answer: accepted, or why not. An unfinished check is not accepted.
  package struct Verdict: Sendable {
    package var isAccepted: Bool
    package var reasons: [String]
    package var leaves = 0
    /// Backward passes of eight rows.
    package var passes = 0
    /// How often the checker had to cut a leaf in two by itself.
    package var bisections = 0

    static func rejected(_ reason: String) -> Verdict { Verdict(isAccepted: false, reasons: [reason]) }
  }

  /// Checks a proof on all threads; `progress` is called now and then, from any thread, with the share that is done.
  package func check(
    _ proof: VerificationProof, options: Options = Options(),
    progress: @escaping @Sendable (Double) -> Void = { _ in }
  ) -> Verdict { check(proof, options: options, memory: nil, progress: progress) }

  func check(
    _ proof: VerificationProof, options: Options, memory: RootMemory?, progress: @escaping @Sendable (Double) -> Void
  ) -> Verdict {
    if let problem = problem(of: proof) { return .rejected(problem) }
    var verdict = Verdict(isAccepted: true, reasons: [])
    let total = proof.trees.reduce(0) { $0 + $1.nodes.count }
    var done = 0
    let budget = Budget(bisections: options.bisections, deadline: options.deadline)
    for (index, tree) in proof.trees.enumerated() {
      let region = VerificationCase(property.cases[index], of: network)
      if let problem = CaseCheck.problem(of: region, network) {
        return .rejected("Case \(index + 1) cannot be checked: \(problem).")
      }
      let semantics = proof.header.semantics
      let known = memory?.network(ofCase: index, semantics, tree)
      let check = CaseCheck(
        known ?? CheckedNetwork(network, semantics: semantics), rootIsKnown: known != nil, region, tree, budget,
        threads: options.threads)
      let before = done
      let result = check.run { progress(Double(before + $0) / Double(max(1, total))) }
      if result.boundedRoot { memory?.keep(check.network, ofCase: index, semantics, tree) }
      done += tree.nodes.count
      verdict.leaves += result.leaves
      verdict.passes += result.passes
      if !result.reasons.isEmpty {
        verdict.isAccepted = false
        verdict.reasons += result.reasons.map { "Case \(index + 1): \($0)" }
        break
      }
    }
    verdict.bisections = options.bisections - budget.left
    return verdict
  }

  private func problem(of proof: VerificationProof) -> String? {
    let header = proof.header
    if header.format != VerificationProof.Header.currentFormat { return "The format \(header.format) is unknown." }
    if header.modelSHA256 != modelSHA256 {
      return "The proof is about another model: it names SHA-256 \(header.modelSHA256), this one has \(modelSHA256)."
    }
    if header.propertySHA256 != propertySHA256 {
      return "The proof is about another property: it names SHA-256 \(header.propertySHA256), this one has "
        + "\(propertySHA256)."
    }
    if let problem = CheckedNetwork.problem(of: network) { return "The network cannot be checked: \(problem)." }
    if property.inputCount != network.inputs.count || property.outputCount != network.outputs.count {
      return "The property has \(property.inputCount) inputs and \(property.outputCount) outputs, the model "
        + "\(network.inputs.count) and \(network.outputs.count)."
    }
    if header.semantics != .real, let problem = CheckedNetwork.float32Problem(of: network) {
      return "The proof speaks about \(header.semantics.rawValue), which cannot be checked for this model: \(problem)."
    }
    if proof.trees.count != property.cases.count {
      return "The proof has \(proof.trees.count) trees, the property \(property.cases.count) cases."
    }
    return nil
  }

  /// Compares a network with another evaluation of the same model (the graph's own operators) at points of the box.
  ///
  /// The checker shares the translation of a graph into relations with the search; this catches a wrong one. Returns a
  /// sentence for the first point where an output differs by more than `tolerance` times the largest output, or nil.
  package func checkSemantics(
    points: Int = 8, seed: UInt64 = 1, tolerance: Double = 1e-3, evaluate: ([Double]) throws -> [Double]
  ) rethrows -> String? {
    var state = seed
    func random() -> Double {
      // SplitMix64.
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
    }
    for source in property.cases.prefix(4) {
      let region = VerificationCase(source, of: network)
      for point in 0..<points {
        let x = zip(region.lower, region.upper).map { l, u in
          // Binary32 numbers, which both sides read alike.
          Double(Float(l + (u - l) * random()))
        }
        let (own, other) = (network.outputs(x), try evaluate(x))
        guard own.count == other.count else { return "The model gives \(other.count) outputs instead of \(own.count)." }
        let scale = other.reduce(1e-3) { max($0, abs($1)) }
        for index in own.indices where !(abs(own[index] - other[index]) <= tolerance * scale) {
          return "At random point \(point + 1) output \(index) is \(own[index]) by the relations that were checked and "
            + "\(other[index]) by the model's operators."
        }
      }
    }
    return nil
  }
}

/// What all threads of a check share.
final class Budget: Sendable {
  private let remaining: Atomic<Int>
  let deadline: ContinuousClock.Instant?

  init(bisections: Int, deadline: ContinuousClock.Instant?) {
    remaining = Atomic(bisections)
    self.deadline = deadline
  }

  var left: Int { max(0, remaining.load(ordering: .relaxed)) }
  var isLate: Bool { deadline.map { ContinuousClock.now >= $0 } ?? false }
  func takeBisection() -> Bool { remaining.wrappingSubtract(1, ordering: .relaxed).newValue >= 0 }
}
