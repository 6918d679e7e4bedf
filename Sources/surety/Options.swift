import ArgumentParser
import Compute
import Statistics

/// Options that mean the same thing are spelled the same in every command; they are declared here, once.
struct ModelOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The classifier: an ONNX file (.onnx or .onnx.gz).", valueName: "file"))
  var model: String
}

struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The inputs: a folder of JPEG or PNG images (class folders or flat), .npy, .npz (images, labels), CIFAR binary "
        + "(.bin) or MNIST idx.", valueName: "path"))
  var data: String

  @Option(help: ArgumentHelp("A CSV file with the class of each input.", valueName: "file"))
  var labels: String?

  @Option(
    help: ArgumentHelp(
      "How pixels become the model's input: none, unit, imagenet, efficientnet-lite, tf, caffe, cifar10-a, cifar10-b, "
        + "cifar10-c, or a JSON file with resize, crop, interpolation, channels, scale, mean, std, layout, transpose.",
      valueName: "name or file"))
  var preprocess: String = "unit"

  @Option(help: ArgumentHelp("Take at most this many inputs.", valueName: "count"))
  var limit: Int?

  @Option(help: ArgumentHelp("Pass over this many inputs at the start.", valueName: "count"))
  var skip: Int = 0

  @Flag(help: "Record inputs that cannot be read and go on, instead of stopping.")
  var skipBad = false

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1, not \(limit).") }
    if skip < 0 { throw ValidationError("--skip must not be negative.") }
  }
}

struct ComputeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where to compute: auto, cpu, opencl or opencl:N (see surety devices); for smooth certify also opencl:all (every "
        + "GPU at once) or all (with the CPU).", valueName: "device"))
  var device: String = "auto"

  @Option(
    help: ArgumentHelp(
      "The arithmetic of the classifier: float32, bfloat16, float16 or int8. Each is another classifier; int8 measures "
        + "the scales of its levels first and records them.", valueName: "type"))
  var precision: String = "float32"

  @Option(
    help: ArgumentHelp(
      "For int8: the data to measure its scales on (default: the inputs themselves), or the folder of an int8 run, whose "
        + "scales are then used.", valueName: "path"))
  var calibration: String?

  @Option(
    help: ArgumentHelp("Samples in one pass (default: chosen for the device and the model).", valueName: "count"))
  var batch: Int?

  @Option(
    help: ArgumentHelp("The most memory to use, for example 4G (default: 70 % of what is there).", valueName: "size"))
  var memory: String?

  @Option(
    help: ArgumentHelp(
      "The instruction set of the CPU device: sse41, avx2, avx512_core, avx512_core_bf16, ... (default: the best).",
      valueName: "name"))
  var isa: String?

  func validate() throws {
    if let batch, batch < 1 || batch > 4096 { throw ValidationError("--batch must be between 1 and 4096.") }
    if Precision(rawValue: precision) == nil {
      throw ValidationError("--precision must be float32, bfloat16, float16 or int8, not '\(precision)'.")
    }
    if calibration != nil, precision != "int8" { throw ValidationError("--calibration belongs to --precision int8.") }
  }
}

struct NoiseOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The noise's standard deviation in units of the full pixel range (0.25 means 0.25 x 255 levels).",
      valueName: "S"))
  var sigma: String

  @Option(help: ArgumentHelp("The noise law: gaussian.", valueName: "law"))
  var noise: String = "gaussian"

  @Option(
    help: ArgumentHelp(
      "Fix the noise by a hexadecimal nonce (default: drawn from the system's random source and recorded).",
      valueName: "hex"))
  var nonce: String?

  func validate() throws {
    if noise != "gaussian" { throw ValidationError("--noise must be gaussian; '\(noise)' is not known.") }
  }
}

struct OutputOptions: ParsableArguments {
  @Flag(help: "Print JSON lines on standard output.")
  var json = false

  @Flag(help: "Print no progress.")
  var quiet = false
}

/// An option's decimal number; the refusal names the option.
func exactDecimal(_ text: String, of option: String) throws -> ExactDecimal {
  do { return try ExactDecimal(text) } catch { throw UserError("\(option): \(error)") }
}
