import ArgumentParser
import CPUCompute
import Certificates
import Compute
import Graphs
import Hashing
import Inputs
import OpenCLCompute
import Primitives
import Reports
import Smoothing
import Statistics

/// `surety bench smooth`: noisy samples per second, from noise to votes.
struct BenchSmooth: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "smooth",
    abstract: "Samples per second of noise, forward pass and votes on each device and precision.",
    discussion: """
      Every configuration does the same work on a fixed image: noise, forward pass, argmax. The agreement columns \
      compare noise bits and classes with the first configuration. The device's peak is measured beside it, by products \
      in registers in the same arithmetic. Certificates per hour are those of surety smooth certify at sigma: sequential \
      sampling of the radius sigma / 2 on typical data, and fixed sampling.

      JSON lines have: device, deviceName, precision, batch, instances, samplesPerSecond (noise, forward pass, votes), \
      forwardPerSecond, noiseValuesPerSecond, multiplyAddsPerSecond, peakMultiplyAddsPerSecond and shareOfPeak (absent \
      where no peak can be measured), expectedPasses and certificatesPerHour (sequential; absent where n samples certify \
      nothing), fixedCertificatesPerHour, agreement, unexplained, noiseBitsEqual.

      Examples:
        surety bench smooth --model resnet50.onnx --device cpu,opencl:0 --precision float32,bfloat16,int8
        surety bench smooth --model resnet50.onnx --device opencl --precision float16 --kernels tiled,tensor
        surety bench smooth --model resnet50.onnx --precision float32,bfloat16 --chart rates.svg
      """)

  @OptionGroup var modelOptions: ModelOptions
  @OptionGroup var outputOptions: OutputOptions

  @Option(help: ArgumentHelp("Devices, separated by commas: cpu, opencl, opencl:N.", valueName: "list"))
  var device: String = "cpu"

  @Option(help: ArgumentHelp("Precisions, separated by commas.", valueName: "list"))
  var precision: String = "float32"

  @Option(
    help: ArgumentHelp("Samples in one pass (default: chosen for the device and the model).", valueName: "count"))
  var batch: Int?

  @Option(
    help: ArgumentHelp(
      "Kernel variants of OpenCL devices to compare, separated by commas: best, reference, tiled, vector, pipelined, "
        + "tensor, warpgroup; each stands for itself and what it builds on.", valueName: "list"))
  var kernels: String = "best"

  @Option(help: ArgumentHelp("How long to measure each configuration.", valueName: "seconds"))
  var seconds: Double = 3

  @Option(help: ArgumentHelp("The noise's standard deviation.", valueName: "S"))
  var sigma: String = "0.25"

  @Option(help: ArgumentHelp("The most samples of a certificate, for certificates per hour.", valueName: "count"))
  var n: Int = SamplingDefaults.estimation

  @Option(help: ArgumentHelp("How pixels become the model's input.", valueName: "name or file"))
  var preprocess: String = "unit"

  @Option(help: ArgumentHelp("The instruction set of the CPU device.", valueName: "name"))
  var isa: String?

  @Option(help: ArgumentHelp("Threads of the CPU device (default: one for each processor).", valueName: "count"))
  var threads: Int?

  @Option(help: ArgumentHelp("The most memory to use.", valueName: "size"))
  var memory: String?

  @Option(help: ArgumentHelp("Draw the rates into this SVG file.", valueName: "file"))
  var chart: String?

  /// One configuration's figures.
  struct Row: Encodable {
    let device: String
    let deviceName: String
    let precision: String
    /// The kernel variants and tiles that ran.
    let variant: String
    let batch: Int
    let instances: Int
    /// Noise, forward pass and votes.
    let samplesPerSecond: Double
    /// The forward pass alone.
    let forwardPerSecond: Double
    /// Noise alone, in pixel values.
    let noiseValuesPerSecond: Double
    let multiplyAddsPerSecond: Double
    /// Products in registers in the same arithmetic, on all instances; nil where no loop shows the device's peak.
    let peakMultiplyAddsPerSecond: Double?
    let shareOfPeak: Double?
    /// Passes of one certificate by sequential sampling of the radius sigma / 2, on typical data; nil where n samples
    /// certify nothing.
    let expectedPasses: Double?
    let certificatesPerHour: Double?
    /// With fixed sampling of n samples.
    let fixedCertificatesPerHour: Double
    /// The share of compared samples whose class is that of the first configuration.
    let agreement: Double
    /// Disagreements where the logits differ by 1e-4 of the largest or more.
    let unexplained: Int
    let noiseBitsEqual: Bool
  }

  func validate() throws {
    if !(seconds > 0 && seconds <= 600) { throw ValidationError("--seconds must be between 0 and 600.") }
    if let threads, threads < 1 || threads > 1024 { throw ValidationError("--threads must be between 1 and 1024.") }
    if let batch, batch < 1 || batch > 4096 { throw ValidationError("--batch must be between 1 and 4096.") }
    if n < 1 || n > 1_000_000_000 { throw ValidationError("--n must be between 1 and 1000000000.") }
  }

  /// The rungs of each choice of `--kernels`; nil for every rung that the device admits.
  private func kernelChoices() throws -> [(name: String, rungs: Set<Rung>?)] {
    try kernels.split(separator: ",").map { text in
      if text == "best" { return ("best", nil) }
      guard let rung = Rung(rawValue: String(text)) else {
        throw UserError(
          "--kernels '\(text)' is unknown; choose best, \(Rung.allCases.map(\.rawValue).joined(separator: ", ")).")
      }
      return (rung.rawValue, rung.base.union([rung]))
    }
  }

  func run() async throws {
    let choices = try kernelChoices()
    let model = try LoadedModel(modelOptions.model)
    let sigma = try exactDecimal(sigma, of: "--sigma")
    let preprocessing = try Preprocessing.resolve(preprocess)
    let multiplyAdds = try Double(model.graph.describe().multiplyAddsPerSample)
    var rows: [Row] = []
    var reference: Probe?
    for name in device.split(separator: ",").map(String.init) {
      let device = try DeviceChoice(name: name, memory: memory, isa: rows.isEmpty ? isa : nil, threads: threads)
        .device()
      for text in precision.split(separator: ",") {
        guard let precision = Precision(rawValue: String(text)) else {
          throw UserError("--precision '\(text)' is unknown; choose float32, bfloat16, float16 or int8.")
        }
        guard device.precisions.contains(precision) else {
          Terminal.message("\(device.identity.name) does not offer \(precision.rawValue); left out.")
          continue
        }
        if precision == .bfloat16, device is CPUDevice, let advice = CPUDevice.bfloat16Advice {
          Terminal.message("Note: \(advice).")
        }
        let batch = try batch ?? DeviceChoice.defaultBatch(device, model.graph)
        var plan = try model.graph.plan(batch: batch, precision: precision == .int8 ? .float32 : precision)
        let setup = try ClassifierSetup(
          model: model, preprocessing: preprocessing, sigma: sigma,
          imageShape: try Self.imageShape(plan, preprocessing),
          isReal: false)
        if precision == .int8 {
          do {
            let scales = try await setup.calibrate(on: device, images: [SmoothingBench.image(setup.imageShape).bytes])
            plan = try model.graph.plan(batch: batch, precision: precision, quantization: Quantization(scales))
          } catch GraphError.quantization(let reason) {
            Terminal.message("\(reason); left out.")
            continue
          }
        }
        let bench = SmoothingBench(setup: setup, plan: plan, device: device, seconds: seconds)
        for choice in choices {
          if let device = device as? OpenCLDevice {
            device.keep(to: Set(Rung.allCases))
            if let rungs = choice.rungs, !rungs.isSubset(of: device.rungs) {
              Terminal.message("\(device.name) does not run the \(choice.name) kernels; left out.")
              continue
            }
            device.keep(to: choice.rungs ?? Set(Rung.allCases))
          } else if choice.rungs != nil {
            continue
          }
          let figures = try await bench.measure()
          let probe = try await bench.probe(samples: 64)
          let compared = probe.compare(with: reference ?? probe)
          if reference == nil { reference = probe }
          let peak = try await DevicePeak.multiplyAddsPerSecond(device, precision)
          let passes = try SamplingDefaults.expectedPasses(setup.noise, dimensions: setup.dimensions, n: n)
          let row = Row(
            device: name, deviceName: device.identity.name, precision: precision.rawValue, variant: figures.variant,
            batch: batch, instances: device.concurrency, samplesPerSecond: figures.samples,
            forwardPerSecond: figures.forward, noiseValuesPerSecond: figures.noise * Double(setup.dimensions),
            multiplyAddsPerSecond: figures.samples * multiplyAdds,
            peakMultiplyAddsPerSecond: peak, shareOfPeak: peak.map { figures.samples * multiplyAdds / $0 },
            expectedPasses: passes, certificatesPerHour: passes.map { figures.samples * 3600 / $0 },
            fixedCertificatesPerHour: figures.samples * 3600 / Double(SamplingDefaults.selection + n),
            agreement: compared.share, unexplained: compared.unexplained, noiseBitsEqual: compared.noiseEqual)
          rows.append(row)
          if outputOptions.json { print(try JSONText.encode(row)) }
        }
      }
    }
    if !outputOptions.json { print(table(rows).text) }
    if let chart { try Self.chart(rows, of: model.name).write(to: chart) }
  }

  private func table(_ rows: [Row]) -> TextTable {
    var table = TextTable([
      "device", "precision", "batch", "samples/s", "forward/s", "noise M/s", "GMAC/s", "of peak", "certificates/h",
      "fixed n=\(n)", "agreement", "noise bits",
    ])
    for row in rows {
      func text(_ x: Double, _ places: Int) -> String { NumberText.decimal(x, places: places) }
      table.append([
        row.device, row.precision, "\(row.instances) x \(row.batch)",
        text(row.samplesPerSecond, 1),
        text(row.forwardPerSecond, 1),
        text(row.noiseValuesPerSecond / 1e6, 0),
        text(row.multiplyAddsPerSecond / 1e9, 1),
        row.shareOfPeak.map { text(100 * $0, 0) + " %" } ?? "-",
        row.certificatesPerHour.map { text($0, 1) } ?? "-",
        text(row.fixedCertificatesPerHour, 2),
        text(100 * row.agreement, 1) + " %", row.noiseBitsEqual ? "equal" : "DIFFER",
      ])
    }
    return table
  }

  /// One bar for each configuration.
  private static func chart(_ rows: [Row], of model: String) -> RateChart {
    let bars = rows.map { row in
      let notes = [
        row.shareOfPeak.map { "\(NumberText.decimal(100 * $0, places: 0)) % of peak" },
        row.certificatesPerHour.map { "\(NumberText.rate($0)) certificates/h" },
      ]
      return RateChart.Bar(
        name: "\(row.device) \(row.precision)", style: .strong, rate: row.samplesPerSecond,
        note: notes.compactMap { $0 }.joined(separator: ", "))
    }
    let processors = rows.map(\.deviceName).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    return RateChart(
      title: "\(model): samples per second, from noise to votes", subtitle: processors.joined(separator: "; "),
      panels: [.init(title: "", bars: bars)])
  }

  /// The shape of an image for the model's input.
  private static func imageShape(_ plan: LoweringPlan, _ preprocessing: Preprocessing) throws -> [Int] {
    let shape = Array(plan.inputs[0].shape.dropFirst())
    let count = shape.reduce(1, *)
    if shape.count == 3 {
      if [1, 3].contains(shape[0]) { return [shape[1], shape[2], shape[0]] }
      if [1, 3].contains(shape[2]) { return shape }
    }
    // A flat input of a square image.
    for channels in [1, 3] where count.isMultiple(of: channels) {
      let side = Int(Double(count / channels).squareRoot().rounded())
      if side * side * channels == count { return [side, side, channels] }
    }
    throw UserError("the model's input \(shape) is no image; smoothing benchmarks need one.")
  }
}
