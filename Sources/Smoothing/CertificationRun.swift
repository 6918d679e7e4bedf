import Certificates
import Hashing
import Inputs
import Statistics

/// A certification run's side of the scheduler: loads inputs, restores and stores votes, writes certificates in order.
///
/// Confined to the scheduler that it was given to.
package final class CertificationRun: VoteSink {
  private let folder: RunFolder
  private let configuration: RunConfiguration
  private let rule: StoppingRule
  private let inputs: Prefetcher<PreparedInput>
  private let counter: ProgressCounter
  private let nonce: [UInt8]
  private let claimDigest: String
  private let classifierDigest: String
  /// The shape that every input must have.
  private let shape: [Int]
  private var details: [Int: PreparedInput] = [:]
  /// Inputs still to be written, in order, and those of them that are ready.
  private var order: ArraySlice<Int>
  private var ready: [Int: (SmoothingCertificate, VoteBitmap, Double)] = [:]

  package init(
    folder: RunFolder, rule: StoppingRule, inputs: Prefetcher<PreparedInput>, remaining: [Int], shape: [Int],
    counter: ProgressCounter
  ) throws {
    self.folder = folder
    configuration = folder.configuration
    self.rule = rule
    self.inputs = inputs
    self.shape = shape
    self.counter = counter
    nonce = bytes(hexadecimal: configuration.nonce) ?? []
    claimDigest = try configuration.claimDigest()
    classifierDigest = try configuration.classifier.digest()
    order = remaining[...]
  }

  package func nextInput() throws -> (index: Int, payload: NoisyInput, tally: any InputTally)? {
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
      details[index] = input
      let key = configuration.noise.key(nonce: nonce, imageSHA256: content.sha256)
      let payload = NoisyInput(bytes: content.bytes, key: NoiseDescription.words(key))
      if let (partial, votes) = try folder.partialVotes(index),
        partial.imageSHA256 == hexadecimal(content.sha256), partial.key == hexadecimal(key),
        partial.classifierSHA256 == classifierDigest, partial.selectionVotes.count == configuration.sampling.selection,
        partial.topClass == mostVoted(partial.selectionVotes), votes.count <= configuration.sampling.estimation
      {
        let tally = CertificationTally(
          rule: rule, selectionVotes: partial.selectionVotes, topClass: partial.topClass, votes: votes)
        counter.add(restored: partial.selectionVotes.count + votes.count)
        return (index, payload, tally)
      }
      return (index, payload, CertificationTally(rule: rule))
    }
    return nil
  }

  package func progressed(_ index: Int, _ tally: any InputTally) throws {
    guard let tally = tally as? CertificationTally, let input = details[index], let topClass = tally.topClass,
      let content = try? input.content.get()
    else { return }
    let partial = PartialVotes(
      index: index, imageSHA256: hexadecimal(content.sha256),
      key: hexadecimal(configuration.noise.key(nonce: nonce, imageSHA256: content.sha256)), topClass: topClass,
      selectionVotes: tally.selectionVotes, votes: tally.votes.prefix(tally.answered),
      classifierSHA256: classifierDigest)
    try folder.store(partial, votes: tally.votes.prefix(tally.answered))
  }

  package func finished(_ index: Int, _ tally: any InputTally, seconds: Double) throws {
    guard let tally = tally as? CertificationTally, let input = details[index] else { return }
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
      claimSHA256: claimDigest, classifier: configuration.classifier)
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
