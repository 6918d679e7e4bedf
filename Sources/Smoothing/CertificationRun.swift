import Certificates
import Hashing
import Inputs
import Statistics

/// A certification run's side of the scheduler: loads inputs, restores and stores votes, writes certificates in order.
///
/// An unfinished input that votes were stored for waits for a lane of the classifier that cast them; any other goes to
/// the lane that asks first. Confined to the scheduler that it was given to.
package final class CertificationRun: VoteSink {
  private let folder: RunFolder
  private let configuration: RunConfiguration
  private let rule: StoppingRule
  private let inputs: Prefetcher<PreparedInput>
  private let counter: ProgressCounter
  private let nonce: [UInt8]
  private let claimDigest: String
  /// The classifier of each lane and its digest; equal devices have equal ones.
  private let lanes: [(classifier: ClassifierIdentity, digest: String)]
  /// The shape that every input must have.
  private let shape: [Int]
  /// The inputs that were handed out, each with its lane.
  private var details: [Int: (input: PreparedInput, lane: Int)] = [:]
  /// Inputs with stored votes of another lane's classifier, by its digest, in order.
  private var waiting: [String: ArraySlice<TakenInput>] = [:]
  /// Inputs still to be written, in order, and those of them that are ready.
  private var order: ArraySlice<Int>
  private var ready: [Int: (SmoothingCertificate, VoteBitmap, Double)] = [:]

  private struct TakenInput {
    let input: PreparedInput
    let payload: NoisyInput
    let tally: CertificationTally
  }

  /// - Parameter classifiers: the classifier of each lane.
  package init(
    folder: RunFolder, rule: StoppingRule, inputs: Prefetcher<PreparedInput>, remaining: [Int], shape: [Int],
    classifiers: [ClassifierIdentity], counter: ProgressCounter
  ) throws {
    self.folder = folder
    configuration = folder.configuration
    self.rule = rule
    self.inputs = inputs
    self.shape = shape
    self.counter = counter
    nonce = bytes(hexadecimal: configuration.nonce) ?? []
    claimDigest = try configuration.claimDigest()
    lanes = try classifiers.map { ($0, try $0.digest()) }
    order = remaining[...]
  }

  package func nextInput(lane: Int) throws -> (index: Int, payload: NoisyInput, tally: any InputTally)? {
    if let restored = waiting[lanes[lane].digest]?.popFirst() { return handOut(restored, lane) }
    while let (index, input) = inputs.next() {
      let content: PreparedInput.Content
      do {
        content = try input.content.get()
        guard content.shape == shape else {
          throw FileError("\(input.name) has the shape \(content.shape), the first input has \(shape)")
        }
      } catch {
        guard configuration.skipBad else {
          throw FileError("\(error). Add --skip-bad to record such inputs and go on")
        }
        try write(unreadable: input, problem: "\(error)")
        continue
      }
      let key = configuration.noise.key(nonce: nonce, imageSHA256: content.sha256)
      let payload = NoisyInput(bytes: content.bytes, key: NoiseDescription.words(key))
      guard let (partial, votes) = try folder.partialVotes(index),
        partial.imageSHA256 == hexadecimal(content.sha256), partial.key == hexadecimal(key),
        lanes.contains(where: { $0.digest == partial.classifierSHA256 }),
        partial.selectionVotes.count == configuration.sampling.selection,
        partial.topClass == mostVoted(partial.selectionVotes), votes.count <= configuration.sampling.estimation
      else { return handOut(.init(input: input, payload: payload, tally: CertificationTally(rule: rule)), lane) }
      let restored = TakenInput(
        input: input, payload: payload,
        tally: CertificationTally(
          rule: rule, selectionVotes: partial.selectionVotes, topClass: partial.topClass, votes: votes))
      counter.add(restored: partial.selectionVotes.count + votes.count)
      if partial.classifierSHA256 == lanes[lane].digest { return handOut(restored, lane) }
      waiting[partial.classifierSHA256, default: []].append(restored)
    }
    return nil
  }

  private func handOut(
    _ taken: TakenInput, _ lane: Int
  ) -> (index: Int, payload: NoisyInput, tally: any InputTally) {
    details[taken.input.index] = (taken.input, lane)
    return (taken.input.index, taken.payload, taken.tally)
  }

  package func progressed(_ index: Int, _ tally: any InputTally) throws {
    guard let tally = tally as? CertificationTally, let (input, lane) = details[index], let topClass = tally.topClass,
      let content = try? input.content.get()
    else { return }
    let partial = PartialVotes(
      index: index, imageSHA256: hexadecimal(content.sha256),
      key: hexadecimal(configuration.noise.key(nonce: nonce, imageSHA256: content.sha256)), topClass: topClass,
      selectionVotes: tally.selectionVotes, votes: tally.votes.prefix(tally.answered),
      classifierSHA256: lanes[lane].digest)
    try folder.store(partial, votes: tally.votes.prefix(tally.answered))
  }

  package func finished(_ index: Int, _ tally: any InputTally, seconds: Double) throws {
    guard let tally = tally as? CertificationTally, let (input, lane) = details[index] else { return }
    // A certificate that waits for an earlier one is not on the disk yet: its votes must be.
    if index != order.first { try progressed(index, tally) }
    details[index] = nil
    let content = try input.content.get()
    let samples = tally.looks.last?.n ?? 0
    let votes = tally.votes.prefix(samples)
    let outcome = rule.conclude(tally)
    let certificate = SmoothingCertificate(
      index: index, name: input.name, label: input.label, decision: outcome.decision, imageShape: content.shape,
      imageSHA256: hexadecimal(content.sha256),
      key: hexadecimal(configuration.noise.key(nonce: nonce, imageSHA256: content.sha256)), topClass: tally.topClass,
      selectionVotes: tally.selectionVotes, looks: tally.looks, samples: samples,
      votesSHA256: PartialVotes.digest(votes), radius: outcome.radius, squaredLevels: outcome.squaredLevels,
      claimSHA256: claimDigest, classifier: lanes[lane].classifier)
    try write(certificate, votes: votes, seconds: seconds)
  }

  private func write(unreadable input: PreparedInput, problem: String) throws {
    let certificate = SmoothingCertificate(
      index: input.index, name: input.name, label: input.label, decision: .unreadable, problem: problem, imageShape: [],
      imageSHA256: "", key: "", topClass: nil, selectionVotes: [], looks: [], samples: 0, votesSHA256: "", radius: "0",
      squaredLevels: nil, claimSHA256: claimDigest, classifier: configuration.classifier)
    try write(certificate, votes: VoteBitmap(count: 0), seconds: 0)
  }

  /// Appends the certificate once all earlier ones are written.
  private func write(_ certificate: SmoothingCertificate, votes: VoteBitmap, seconds: Double) throws {
    ready[certificate.index] = (certificate, votes, seconds)
    counter.add(finished: certificate)
    while let next = order.first, let (certificate, votes, seconds) = ready.removeValue(forKey: next) {
      order.removeFirst()
      try folder.append(certificate, votes: votes, seconds: seconds)
      counter.add(written: certificate)
    }
  }
}
