import ArgumentParser
import Certificates
import Glibc
import Hashing
import Reports
import Smoothing
import Statistics

/// `surety smooth predict`: the smoothed classifier's prediction, with abstention.
struct SmoothPredict: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Predict with the smoothed classifier, abstaining where the votes do not decide.",
    discussion: """
      The prediction is the smoothed classifier's class except with probability at most alpha; otherwise it abstains \
      (PREDICT of Cohen et al. 2019). A prediction has no radius: for that, use surety smooth certify.

      Example:
        surety smooth predict --model mnist.onnx --data digits.npz --sigma 0.25 --n 1000 --limit 10
      """)

  @OptionGroup var modelOptions: ModelOptions
  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var noiseOptions: NoiseOptions
  @OptionGroup var computeOptions: ComputeOptions
  @OptionGroup var outputOptions: OutputOptions

  @Option(help: ArgumentHelp("The probability that a prediction is not the smoothed classifier's.", valueName: "p"))
  var alpha: String = "0.001"

  @Option(help: ArgumentHelp("Samples per input.", valueName: "count"))
  var n: Int = 1000

  func run() async throws {
    let sigma = try exactDecimal(noiseOptions.sigma, of: "--sigma")
    let level = try exactDecimal(alpha, of: "--alpha")
    guard level.roundedDown > 0, level.roundedUp < 1 else {
      throw UserError("--alpha \(alpha) must lie between 0 and 1, for example 0.001.")
    }
    let least = Prediction.minimumTrials(alpha: level.roundedDown) ?? Int.max
    guard n >= least, n <= 1_000_000_000 else {
      throw UserError(
        "--n \(n) can never decide at alpha \(alpha): even unanimous votes need at least \(least) samples.")
    }
    let job = try await SmoothingJob(
      model: modelOptions, data: dataOptions, compute: computeOptions, sigma: sigma)
    let nonce = try Nonce(noiseOptions.nonce)
    let indices = job.indices
    let results = ResultCollector()
    let json = outputOptions.json
    if !json { print("idx\tname\tlabel\tpredict\tvotes\trunner-up\tvotes\tsamples") }
    let run = PredictionRun(
      inputs: job.prefetcher(indices), indices: indices, noise: job.setup.noise.description, nonce: nonce.bytes,
      shape: job.setup.imageShape, samples: n, classes: job.classifier.classes, alpha: level,
      skipBad: dataOptions.skipBad
    ) { result in
      results.append(result)
      if json {
        if let line = try? JSONText.encode(result) { print(line) }
      } else {
        print(Self.row(result))
      }
      fflush(nil)
    }
    let counter = ProgressCounter(total: indices.count)
    let scheduler = VoteScheduler(sink: run, lanes: [job.classifier.lane])
    try await job.classifier.drawVotes(for: scheduler, counter: counter)
    let all = results.results
    let answered = all.filter { $0.prediction != nil }
    let labelled = all.filter { $0.label != nil }
    var text =
      "\(answered.count) of \(all.count) inputs predicted, \(all.count - answered.count) abstained or unreadable"
    if !labelled.isEmpty {
      text += "; correct \(NumberText.percent(labelled.filter { $0.prediction == $0.label }.count, of: labelled.count))"
    }
    if !outputOptions.quiet { Terminal.message(text + "; nonce \(nonce.text)") }
  }

  private static func row(_ result: PredictionResult) -> String {
    func text(_ number: Int?) -> String { number.map(String.init) ?? "-" }
    return [
      String(result.index), result.name, text(result.label), text(result.prediction ?? -1), text(result.votes.first),
      text(result.top.dropFirst().first), text(result.votes.dropFirst().first), String(result.samples),
    ].joined(separator: "\t")
  }
}

/// The nonce of a run's noise: given in hexadecimal, or drawn from the system's random source.
struct Nonce {
  let bytes: [UInt8]
  var text: String { hexadecimal(bytes) }

  init(_ given: String?) throws {
    if let given {
      guard let parsed = Hashing.bytes(hexadecimal: given), (1...64).contains(parsed.count) else {
        throw UserError("--nonce must be hexadecimal with an even number of digits, at most 128, not '\(given)'.")
      }
      bytes = parsed
    } else {
      var drawn = [UInt8](repeating: 0, count: 16)
      guard getentropy(&drawn, drawn.count) == 0 else { throw UserError("the system's random source does not answer") }
      bytes = drawn
    }
  }
}
