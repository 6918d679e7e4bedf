import ArgumentParser
import Certificates
import Graphs

/// `surety inspect`: what was understood of a model file.
struct InspectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show a model's inputs, outputs, operators, parameters and multiply-adds, and what each engine supports.",
    discussion: """
      Example:
        surety inspect model.onnx
      """)

  @Argument(help: ArgumentHelp("An ONNX file (.onnx or .onnx.gz).", valueName: "model"))
  var path: String

  @OptionGroup var outputOptions: OutputOptions

  /// Whether the network can be recorded for a device; what stands in the way, if not.
  private static func smoothingSupport(_ graph: Graph) -> String {
    do {
      let plan = try graph.plan(batch: 2, precision: .float32)
      _ = try plan.lowered()
      return "smoothing supports every operator, on the CPU and on OpenCL"
    } catch {
      return "smoothing cannot run it: \(error)"
    }
  }

  func run() async throws {
    let model = try LoadedModel(path)
    let description = try model.graph.describe()
    if outputOptions.json {
      print(try JSONText.encode(description))
    } else {
      print(description.description)
      print("engines: \(Self.smoothingSupport(model.graph))")
    }
  }
}
