import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// End-to-end tests of the program, as its users run it. One test at a time: they measure times and keep both cores busy.
@Suite(.serialized) struct CommandTests {}

/// The demo's classifier and digits in a folder, as `surety demo` leaves them.
struct DemoFiles {
  let folder: String
  var model: String { folder + "/model.onnx" }
  var digits: String { folder + "/digits.npy" }
  var labels: String { folder + "/labels.csv" }

  /// Made once, from the program's embedded files.
  static let shared = Result { try DemoFiles() }

  private init() throws {
    folder = try TemporaryFolder.makeUntilExit("demo-files")
    let result = try Program.run(["demo", "--limit", "1", "--out", folder, "--quiet"], environment: noOpenCL(folder))
    guard result.code == 0 else { throw Program.Failure(description: "the demo failed: \(result.messages)") }
  }

  /// What every smoothing command is told: model, data, labels, preprocessing and the CPU.
  var inputs: [String] {
    ["--model", model, "--data", digits, "--labels", labels, "--preprocess", "unit", "--device", "cpu"]
  }

  /// A certification command without its sampling.
  func certify(sigma: String = "0.5", _ more: String, out: String) -> [String] {
    ["smooth", "certify"] + inputs + ["--sigma", sigma, "--quiet", "--out", out]
      + more.split(separator: " ").map(String.init)
  }
}

/// An environment in which no OpenCL device is found: the loader reads an empty folder of drivers.
func noOpenCL(_ emptyFolder: String) -> [String] {
  ["OCL_ICD_VENDORS=\(emptyFolder)/no-drivers/", "OCL_ICD_FILENAMES="]
}

/// The parts of a run folder that must not depend on interruptions: certificates and vote bitmaps.
struct RunContents: Equatable {
  let certificates: [UInt8]
  let votes: [String: [UInt8]]

  init(_ folder: String) throws {
    certificates = try TestData.bytes(folder + "/certificates.jsonl")
    var votes: [String: [UInt8]] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder + "/votes") {
      votes[name] = try TestData.bytes("\(folder)/votes/\(name)")
    }
    self.votes = votes
  }
}

/// A scratch folder that goes when the value does.
final class Scratch {
  let path: String

  init(_ name: String) throws { path = try TemporaryFolder.make(name) }

  deinit { TemporaryFolder.remove(path) }

  /// A path in the folder.
  func callAsFunction(_ name: String) -> String { path + "/" + name }

  /// Writes a file in the folder and returns its path.
  @discardableResult
  func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
    try writeFile(self(name), bytes)
    return self(name)
  }
}

/// Replaces a file's bytes.
func writeFile(_ path: String, _ bytes: some Sequence<UInt8>) throws {
  guard FileManager.default.createFile(atPath: path, contents: Data(bytes)) else {
    throw Program.Failure(description: "cannot write \(path)")
  }
}

func copyFolder(_ from: String, to: String) throws {
  TemporaryFolder.remove(to)
  try FileManager.default.copyItem(atPath: from, toPath: to)
}

/// Runs the program and expects an exit code; what it said is in the failure.
@discardableResult
func run(
  _ arguments: [String], expecting code: Int32 = 0, environment: [String] = [], launcher: [String] = [],
  in folder: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
) throws -> Program.Result {
  let result = try Program.run(
    arguments, environment: environment, in: folder, launcher: launcher, within: 120)
  #expect(
    result.code == code, "\(arguments.joined(separator: " ")): \(result.output)\(result.messages)",
    sourceLocation: sourceLocation)
  return result
}

/// The median of the seconds that some runs took.
func medianSeconds(_ repetitions: Int, _ body: () throws -> Void) rethrows -> Double {
  var times: [Double] = []
  for _ in 0..<repetitions {
    let start = ContinuousClock.now
    try body()
    let parts = (ContinuousClock.now - start).components
    times.append(Double(parts.seconds) + Double(parts.attoseconds) * 1e-18)
  }
  return times.sorted()[repetitions / 2]
}

extension Duration {
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
