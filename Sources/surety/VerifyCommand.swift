import ArgumentParser
import Certificates
import Glibc
import Hashing
import Networks
import Reports
import Verification

/// `surety verify`: proves or refutes properties of a network by complete search.
struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Prove a property of a network, refute it with a witness, or say what remains open.",
    discussion: """
      The first line of standard output is the verdict in VNN-COMP's words: unsat (proven: no input of the property's \
      region gives a forbidden output), sat (a witness follows), unknown or timeout. Bounds hold in floating point: \
      every rounding error is accounted for. --proof writes what surety check needs to replay an unsat without trusting \
      this program's bounds.

      Three forms:
        surety verify model.onnx property.vnnlib --timeout 60 --proof property.proof
        surety verify model.onnx --data images/ --labels labels.csv --epsilon 2/255 --norm linf --out run
        surety verify --instances instances.csv --out run --timeout 60

      The second verifies that no input within epsilon of an image (in pixel units 0 to 1, cut to the range of images) \
      changes its class; the third runs a whole benchmark list in one process, and goes on where it was interrupted.

      Exit codes: 0 proven (all proven), 1 sat (some), 2 error, 3 undecided. A list of instances ends with 0.
      """)

  @Argument(help: ArgumentHelp("The network: an ONNX file (.onnx or .onnx.gz).", valueName: "model"))
  var model: String?

  @Argument(help: ArgumentHelp("The property: a VNN-LIB file (.vnnlib or .vnnlib.gz).", valueName: "spec"))
  var spec: String?

  @OptionGroup var search: SearchOptionGroup
  @OptionGroup var images: ImagePropertyOptions
  @OptionGroup var outputOptions: OutputOptions

  @Option(help: ArgumentHelp("Write the proof of an unsat here.", valueName: "file"))
  var proof: String?

  @Option(help: ArgumentHelp("Write the witness of a sat here, in VNN-COMP's form.", valueName: "file"))
  var witness: String?

  @Option(help: ArgumentHelp("A list of instances: onnx,vnnlib,timeout[,expected[,confidence]].", valueName: "file"))
  var instances: String?

  @Option(help: ArgumentHelp("The run folder of a list or of images; it is made, or resumed.", valueName: "folder"))
  var out: String?

  @Flag(help: "Write a proof for every unsat of a run into its folder.")
  var proofs = false

  @Option(help: ArgumentHelp("Do part I of N of the instances (0 <= I < N).", valueName: "I/N"))
  var shard: String?

  @Option(help: ArgumentHelp("Take at most this many instances or images.", valueName: "count"))
  var limit: Int?

  @Option(help: ArgumentHelp("Pass over this many at the start.", valueName: "count"))
  var skip: Int = 0

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1, not \(limit).") }
    if skip < 0 { throw ValidationError("--skip must not be negative.") }
    _ = try Shard(shard)
    if instances != nil {
      guard model == nil, images.data == nil else {
        throw ValidationError("--instances names models and properties itself; leave out model, spec and --data.")
      }
      guard out != nil else { throw ValidationError("--instances needs a run folder: add --out RUN.") }
    } else if model == nil {
      throw ValidationError("name a model and a property, or a list with --instances.")
    } else if images.data != nil {
      guard spec == nil else { throw ValidationError("give either a property or --data, not both.") }
      guard images.epsilon != nil else { throw ValidationError("--data needs --epsilon, for example --epsilon 2/255.") }
    } else {
      guard spec != nil else { throw ValidationError("name a property (.vnnlib), or images with --data.") }
      guard out == nil, shard == nil, limit == nil, skip == 0 else {
        throw ValidationError("--out, --shard, --limit and --skip belong to --instances and --data.")
      }
    }
    if instances != nil || images.data != nil {
      guard proof == nil, witness == nil else {
        throw ValidationError("--proof and --witness belong to a single property; a run writes its own with --proofs.")
      }
    }
  }

  func run() async throws {
    if let instances {
      try await VerificationRun(self).run(list: instances)
    } else if images.data != nil {
      try await VerificationRun(self).runImages(model: model!)
    } else {
      try await verifyOne(model!, spec!)
    }
  }

  private func verifyOne(_ model: String, _ spec: String) async throws {
    let started = ContinuousClock.now
    for path in [proof, witness].compactMap({ $0 }) { try Self.requireWritable(path) }
    let job = try VerificationJob(search, wantsProof: proof != nil)
    let timeout = search.timeout ?? 300
    let limits = job.limits(model, spec, timeout: timeout, started: started, isJSON: outputOptions.json)
    let subject = try VerificationSubject(
      model: try LoadedModel(model), specification: spec, memory: job.options.memory)
    var display: ProgressDisplay?
    if !outputOptions.quiet { display = job.display(started: started) }
    var (record, answer) = try await job.verify(subject, index: 0, timeout: timeout, started: started)
    limits.end()
    display?.stop()
    if case .sat(let found) = answer.verdict, let witness {
      try DurableFile.replace(witness, with: Array(found.text.utf8))
      record.witness = witness
    }
    if case .unsat(let trees?) = answer.verdict, let proof {
      try job.write(trees, for: subject, to: proof, record: &record)
    }
    record.seconds.total = (ContinuousClock.now - started).seconds
    if outputOptions.json {
      print(try JSONText.encode(record))
    } else {
      print(VerificationText.verdict(record, witness: answer.witness?.text))
    }
    throw ExitCode(record.verdict.exitCode)
  }

  /// Refuses a path that cannot be written before any time is spent.
  static func requireWritable(_ path: String) throws {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      throw UserError("cannot write \(path): it is a folder. Name a file in it.")
    }
    guard access(folder, W_OK) == 0 else {
      throw UserError("cannot write \(path): \(String(cString: strerror(errno))). Choose another place.")
    }
  }
}

extension VerificationRecord.Verdict {
  var exitCode: Int32 {
    switch self {
    case .unsat: 0
    case .sat: 1
    case .error: 2
    case .unknown, .timeout: 3
    }
  }
}

/// How to search; the same in every form of `verify` and in `attack`.
struct SearchOptionGroup: ParsableArguments {
  @Option(help: ArgumentHelp("Seconds for one property (default: 300, or the list's own).", valueName: "seconds"))
  var timeout: Double?

  @Option(
    help: ArgumentHelp(
      "The arithmetic of the claim: real (the file's weights over real numbers), float32 (every binary32 evaluation "
        + "order of the graph as written) or both.", valueName: "name"))
  var semantics: String = "real"

  @Option(
    help: ArgumentHelp(
      "safe, or ignore: leave out the error terms, only to measure what they cost; such a verdict proves nothing.",
      valueName: "choice"))
  var rounding: String = "safe"

  @Option(
    help: ArgumentHelp(
      "Where bounds are computed: cpu, opencl or opencl:N (see surety devices) for the engines that have kernels, or "
        + "auto: the CPU, and a GPU for searches that take long.", valueName: "device"))
  var device: String = "auto"

  @Option(
    help: ArgumentHelp("The most memory to use, for example 4G (default: 70 % of what is there).", valueName: "size"))
  var memory: String?

  @Option(help: ArgumentHelp("Steers search and falsifier; the same seed repeats a run.", valueName: "number"))
  var seed: UInt64 = 0

  @Option(help: ArgumentHelp("Threads on the CPU (default: one for each processor).", valueName: "count"))
  var threads: Int?

  func validate() throws {
    if let timeout, !(timeout > 0) || !timeout.isFinite {
      throw ValidationError("--timeout must be a positive number of seconds, not \(timeout).")
    }
    if Semantics(rawValue: semantics) == nil {
      throw ValidationError("--semantics must be real, float32 or both, not '\(semantics)'.")
    }
    if !["safe", "ignore"].contains(rounding) {
      throw ValidationError("--rounding must be safe or ignore, not '\(rounding)'.")
    }
    if let threads, threads < 1 || threads > 1024 { throw ValidationError("--threads must be between 1 and 1024.") }
  }
}

/// A robustness property around images instead of a VNN-LIB file.
struct ImagePropertyOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Images to verify around: a folder of JPEG or PNG images, .npy, .npz, CIFAR binary or MNIST idx.",
      valueName: "path"))
  var data: String?

  @Option(help: ArgumentHelp("A CSV file with the class of each image.", valueName: "file"))
  var labels: String?

  @Option(
    help: ArgumentHelp(
      "How pixels become the model's input; see surety smooth certify --help.", valueName: "name or file"))
  var preprocess: String = "unit"

  @Option(
    help: ArgumentHelp(
      "The perturbation in pixel units 0 to 1: a decimal or a fraction such as 8/255.", valueName: "E"))
  var epsilon: String?

  @Option(help: ArgumentHelp("linf, l2 or l1.", valueName: "norm"))
  var norm: String = "linf"

  @Option(help: ArgumentHelp("Against which classes: all, or one class number.", valueName: "classes"))
  var targets: String = "all"

  func validate() throws {
    if !["linf", "l2", "l1"].contains(norm) { throw ValidationError("--norm must be linf, l2 or l1, not '\(norm)'.") }
    if targets != "all", Int(targets) == nil {
      throw ValidationError("--targets must be all or a class number, not '\(targets)'.")
    }
  }
}
