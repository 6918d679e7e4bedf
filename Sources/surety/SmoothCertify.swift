import ArgumentParser
import Certificates
import Glibc
import Hashing
import Inputs
import Reports
import Smoothing
import Statistics

/// `surety smooth certify`: certificates by randomized smoothing for every input, into a run folder.
struct SmoothCertify: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "certify",
    abstract: "Certify a classifier's inputs by randomized smoothing.",
    discussion: """
      For each input, n0 noise samples choose a class and up to n other samples test whether the smoothed classifier \
      keeps that class everywhere within an L2 ball. A certificate is wrong with probability at most alpha. Sequential \
      sampling (the default) tests declared radii and stops as soon as the answer is clear; fixed sampling is CERTIFY \
      of Cohen et al. 2019. Repeating the command resumes an interrupted run.

      --device opencl:all uses every GPU at once, --device all the CPU as well (OpenCL on the processor counts where \
      there is no GPU). Every input is one device's: all its samples are drawn there, and its record names that \
      device's classifier.

      Examples:
        surety smooth certify --model efficientnet_lite0.onnx --data images/ --labels labels.csv \\
          --preprocess efficientnet-lite --sigma 0.12 --out run
        surety smooth certify --model cifar.onnx --data test.bin --preprocess cifar10-a --sigma 0.25 \\
          --radii 0.125,0.25,0.5 --n 10000 --limit 100 --out run
      """)

  @OptionGroup var modelOptions: ModelOptions
  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var noiseOptions: NoiseOptions
  @OptionGroup var computeOptions: ComputeOptions
  @OptionGroup var outputOptions: OutputOptions

  @Option(help: ArgumentHelp("The probability that a certificate is wrong.", valueName: "p"))
  var alpha: String = SamplingDefaults.alpha

  @Option(help: ArgumentHelp("Samples that choose the class.", valueName: "count"))
  var n0: Int = SamplingDefaults.selection

  @Option(help: ArgumentHelp("The most samples that estimate its probability.", valueName: "count"))
  var n: Int = SamplingDefaults.estimation

  @Option(help: ArgumentHelp("sequential or fixed.", valueName: "kind"))
  var sampling: String = "sequential"

  @Option(
    help: ArgumentHelp(
      "The radii to test, ascending, in units of the full pixel range (default: half of sigma). Every further radius "
        + "costs passes.", valueName: "R1,R2,..."))
  var radii: String?

  @Option(help: ArgumentHelp("Do part I of N of the inputs (0 <= I < N); join with surety merge.", valueName: "I/N"))
  var shard: String?

  @Option(help: ArgumentHelp("The run folder; it is made, or resumed.", valueName: "folder"))
  var out: String

  @Flag(help: "Where unfinished inputs were begun by another classifier, start them again instead of refusing.")
  var restartUnfinished = false

  func validate() throws {
    if SamplingPlan.Kind(rawValue: sampling) == nil {
      throw ValidationError("--sampling must be sequential or fixed, not '\(sampling)'.")
    }
    if sampling == "fixed" && radii != nil {
      throw ValidationError("--radii belongs to sequential sampling; fixed sampling finds the radius itself.")
    }
    _ = try Shard(shard)
  }

  func run() async throws {
    let json = outputOptions.json
    let outcome = try await certify { certificate in
      if json, let line = try? CertificateFile.line(certificate) {
        print(line)
        fflush(nil)
      }
    }
    if json {
      print(try JSONText.encode(["summary": outcome.summary]))
    } else {
      print(
        SummaryText.smoothing(
          summary: outcome.summary, plan: outcome.configuration.sampling, wallSeconds: outcome.seconds,
          passesInThatTime: outcome.passes) + "Run folder: \(out) (surety check \(out); surety report \(out))")
    }
    if let advice = outcome.advice { Terminal.message(advice) }
  }

  /// What a finished run came to.
  struct Outcome {
    let configuration: RunConfiguration
    let certificates: [SmoothingCertificate]
    let summary: RunSummary
    /// Wall time and passes of this process.
    let seconds: Double
    let passes: Int
    let advice: String?
  }

  /// Does the work. `onWritten` hears of every certificate once it is on the disk, in order.
  func certify(onWritten: @escaping @Sendable (SmoothingCertificate) -> Void) async throws -> Outcome {
    let sigma = try exactDecimal(noiseOptions.sigma, of: "--sigma")
    let options = try samplingOptions(sigma: sigma)
    let earlier = try RunFolder.configurationIfPresent(out)
    let job = try await SmoothingJob(
      model: modelOptions, data: dataOptions, compute: computeOptions, sigma: sigma, scales: earlier?.quantization,
      allowsSeveralDevices: true)
    let noise = job.setup.noise
    let rule = try StoppingRule(
      options: options, sigma: sigma, totalVariation: noise.totalVariation(dimensions: job.setup.dimensions),
      isExact: noise.arithmetic == .exact)
    let configuration = try job.configuration(
      plan: rule.plan, shard: try Shard(shard), nonce: try nonce(resuming: earlier),
      skipBad: dataOptions.skipBad)
    let folder = try RunFolder(
      out, configuration: configuration, unfinished: restartUnfinished ? .restart : .keep)
    let remaining = Array(configuration.data.indices().dropFirst(folder.finished.count))
    describe(job, rule: rule, remaining: remaining.count, finished: folder.finished.count)

    let started = ContinuousClock.now
    let collected = CertificateCollector(folder.finished)
    let counter = ProgressCounter(total: remaining.count) { certificate in
      collected.append(certificate)
      onWritten(certificate)
    }
    let run = try CertificationRun(
      folder: folder, rule: rule, inputs: job.prefetcher(remaining), remaining: remaining,
      shape: job.setup.imageShape, classifiers: job.lanes.map(\.identity), counter: counter)
    let scheduler = VoteScheduler(sink: run, lanes: job.lanes.map(\.classifier.lane))
    Interruption.onInterrupt {
      await scheduler.stop()
      Terminal.message("Interrupted; everything drawn so far is stored. The same command goes on from there.")
    }
    let progress = outputOptions.quiet ? nil : ProgressDisplay(counter)
    defer { progress?.stop() }
    try await job.drawVotes(for: scheduler, counter: counter)
    progress?.stop()
    if await scheduler.wasInterrupted {
      // The interruption ends the program once it has said so.
      try await Task.sleep(for: .seconds(5))
      throw ExitCode(130)
    }
    Interruption.onInterrupt(nil)
    let summary = RunSummary(collected.certificates, plan: rule.plan)
    try folder.replace("summary.json", with: try JSONText.encodePretty(summary))
    return Outcome(
      configuration: configuration, certificates: collected.certificates, summary: summary,
      seconds: (ContinuousClock.now - started).seconds, passes: counter.snapshot.passes,
      advice: job.labelAdvice(collected.certificates))
  }

  private func samplingOptions(sigma: ExactDecimal) throws -> SamplingOptions {
    let declared = try (radii ?? SamplingDefaults.radius(sigma)).split(separator: ",").map {
      try exactDecimal(String($0), of: "--radii")
    }
    return try SamplingOptions(
      kind: SamplingPlan.Kind(rawValue: sampling)!, alpha: try exactDecimal(alpha, of: "--alpha"), selection: n0,
      estimation: n, radii: declared, schedule: .geometric)
  }

  /// The nonce that was given, else the one of the run that is resumed, else a new one.
  private func nonce(resuming earlier: RunConfiguration?) throws -> String {
    if noiseOptions.nonce == nil, let earlier { return earlier.nonce }
    return try Nonce(noiseOptions.nonce).text
  }

  private func describe(_ job: SmoothingJob, rule: StoppingRule, remaining: Int, finished: Int) {
    guard !outputOptions.quiet else { return }
    Terminal.message(job.headline)
    if finished > 0 { Terminal.message("Resuming: \(finished) inputs are done, \(remaining) remain.") }
    let fixedPasses = NumberText.grouped(rule.plan.selection + rule.plan.estimation)
    guard rule.plan.kind == .sequential else {
      Terminal.message("Fixed sampling: \(fixedPasses) passes per input.")
      return
    }
    let shares = [0.99, 0.95, 0.9, 0.8, 0.7].map { share in
      let passes = NumberText.grouped(Int(rule.expectedPasses(share: share)))
      return "\(passes) at \(NumberText.decimal(share * 100, places: 0)) %"
    }
    Terminal.message(
      "Expected passes: about \(NumberText.grouped(Int(rule.typicalPasses))) per input on typical data (by the class's "
        + "share of the votes: \(shares.joined(separator: ", "))); fixed sampling would take \(fixedPasses).")
  }
}

/// A part of a job that several machines share.
struct Shard {
  var index = 0
  var count = 1

  init(_ text: String?) throws {
    guard let text else { return }
    let parts = text.split(separator: "/").map { Int($0) }
    guard parts.count == 2, let index = parts[0], let count = parts[1], count > 0, index >= 0, index < count else {
      throw ValidationError("--shard must be I/N with 0 <= I < N, for example 0/4, not '\(text)'.")
    }
    self.index = index
    self.count = count
  }
}
