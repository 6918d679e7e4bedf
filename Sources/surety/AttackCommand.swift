import ArgumentParser
import Certificates
import Networks
import Reports
import Verification

/// `surety attack`: only the falsifier.
struct AttackCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attack",
    abstract: "Look for violations of a property, or for adversarial examples around images, without proving anything.",
    discussion: """
      Projected gradient descent with Adam steps and APGD from many starts. A violation that is found is proven like \
      that of surety verify; not finding one proves nothing.

      Examples:
        surety attack model.onnx property.vnnlib --timeout 10
        surety attack model.onnx --data images/ --labels labels.csv --epsilon 8/255 --timeout 1

      Exit codes: 0 attack finished on images, 1 a violation of the property was found, 2 error, 3 none was found.
      """)

  @Argument(help: ArgumentHelp("The network: an ONNX file (.onnx or .onnx.gz).", valueName: "model"))
  var model: String

  @Argument(help: ArgumentHelp("The property: a VNN-LIB file (.vnnlib or .vnnlib.gz).", valueName: "spec"))
  var spec: String?

  @OptionGroup var search: SearchOptionGroup
  @OptionGroup var images: ImagePropertyOptions
  @OptionGroup var outputOptions: OutputOptions

  @Option(help: ArgumentHelp("Write the witness here, in VNN-COMP's form.", valueName: "file"))
  var witness: String?

  @Option(help: ArgumentHelp("Take at most this many images.", valueName: "count"))
  var limit: Int?

  @Option(help: ArgumentHelp("Pass over this many at the start.", valueName: "count"))
  var skip: Int = 0

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1, not \(limit).") }
    if skip < 0 { throw ValidationError("--skip must not be negative.") }
    guard (spec != nil) != (images.data != nil) else {
      throw ValidationError("give either a property or images with --data.")
    }
    if images.data != nil, images.epsilon == nil {
      throw ValidationError("--data needs --epsilon, for example --epsilon 8/255.")
    }
  }

  func run() async throws {
    let started = ContinuousClock.now
    let job = try VerificationJob(search, wantsProof: false)
    if let spec {
      try await attack(spec, job, started)
    } else {
      try await attackImages(job)
    }
  }

  private func attack(_ spec: String, _ job: VerificationJob, _ started: ContinuousClock.Instant) async throws {
    if let witness { try VerifyCommand.requireWritable(witness) }
    let timeout = search.timeout ?? 10
    let limits = job.limits(model, spec, timeout: timeout, started: started, isJSON: outputOptions.json)
    let subject = try VerificationSubject(
      model: try LoadedModel(model), specification: spec, memory: job.options.memory)
    var (record, answer) = try await job.attack(subject, index: 0, timeout: timeout, started: started)
    limits.end()
    if let text = answer.witness?.text, let witness {
      try DurableFile.replace(witness, with: Array(text.utf8))
      record.witness = witness
    }
    if outputOptions.json {
      print(try JSONText.encode(record))
    } else {
      print(VerificationText.verdict(record, witness: answer.witness?.text))
    }
    throw ExitCode(record.verdict.exitCode)
  }

  private struct Result: Encodable {
    var images: Int
    var cleanCorrect: Int
    /// Correct without a perturbation and no adversarial example found.
    var underAttack: Int
    var seconds: Double
  }

  /// Accuracy without and under attack.
  private func attackImages(_ job: VerificationJob) async throws {
    let (loaded, network) = try ModelCache().model(model)
    let source = try ImageProperties(images, model: loaded, network: network)
    let end = min(source.count, limit.map { skip + $0 } ?? source.count)
    guard skip < end else { throw UserError("--skip \(skip) leaves nothing of the \(source.count) images.") }
    let started = ContinuousClock.now
    var result = Result(images: 0, cleanCorrect: 0, underAttack: 0, seconds: 0)
    for index in skip..<end {
      let begun = ContinuousClock.now
      let (property, text) = try source.property(index)
      let subject = try VerificationSubject(
        model: loaded, network: network, property: property, name: source.name(index), text: text)
      result.images += 1
      let isCorrect = try source.isCorrect(index, network)
      var found = false
      if isCorrect {
        result.cleanCorrect += 1
        let (_, answer) = try await job.attack(subject, index: index, timeout: search.timeout ?? 2, started: begun)
        found = answer.witness != nil
        if !found { result.underAttack += 1 }
      }
      if !outputOptions.json, !outputOptions.quiet {
        let outcome = !isCorrect ? "wrong without attack" : found ? "attacked" : "withstood"
        print("\(index)  \(outcome)  \(source.name(index))")
      }
    }
    result.seconds = (ContinuousClock.now - started).seconds
    if outputOptions.json {
      print(try JSONText.encode(result))
    } else {
      print("clean accuracy        \(NumberText.share(result.cleanCorrect, of: result.images))")
      print("accuracy under attack \(NumberText.share(result.underAttack, of: result.images))")
      print("\(images.norm), epsilon \(images.epsilon!), \(NumberText.decimal(result.seconds, places: 1)) s")
    }
  }
}
