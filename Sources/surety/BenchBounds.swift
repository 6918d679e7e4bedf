import ArgumentParser
import BranchAndBound
import CPUCompute
import Certificates
import Compute
import Networks
import Reports
import Verification

/// `surety bench bounds`: the rate of the bound passes that verification rests on.
struct BenchBounds: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bounds",
    abstract: "Bound passes per second on each device, with and without the terms for rounding errors.",
    discussion: """
      Measures every way of bounding that fits the network. A pass is one backward bound: of all rows of a property on \
      one box (fused; on OpenCL whole rounds of the search, with its splits), of one row on one part with its step of \
      ascent (gather blocks), or one subproblem of the general search. Turns with and without error terms alternate; \
      the cost column says what the error terms take. A subproblem of a search takes one bound, with gather blocks one \
      for each step of ascent and a last one. A bound with gather blocks is one row's products with every layer, so as \
      many multiply-adds as one forward pass; they are compared with the device's measured peak. How many the other ways \
      need depends on the neurons that are unstable, so they have no share.

      JSON lines have: network, path, device, deviceName, rounding, batch, boundsPerSecond (the median of five turns), \
      least, greatest, roundingCost (time with error terms over time without, less 1), subproblemsPerHour, and for gather \
      blocks multiplyAddsPerSecond, peakMultiplyAddsPerSecond and shareOfPeak.

      Without a model: random networks of the shapes 5-50x6-5 and 784-256x4-10.

      Examples:
        surety bench bounds
        surety bench bounds --device cpu,opencl:0 --json
        surety bench bounds acasxu.onnx prop_1.vnnlib --device cpu,opencl --seconds 3
        surety bench bounds --chart bounds.svg
      """)

  @Argument(help: ArgumentHelp("The network: an ONNX file (.onnx or .onnx.gz).", valueName: "model"))
  var model: String?

  @Argument(help: ArgumentHelp("The property: a VNN-LIB file (.vnnlib or .vnnlib.gz).", valueName: "property"))
  var property: String?

  @OptionGroup var outputOptions: OutputOptions

  @Option(help: ArgumentHelp("Devices, separated by commas: cpu, opencl, opencl:N.", valueName: "list"))
  var device: String = "cpu"

  @Option(
    help: ArgumentHelp("How long to measure each path with and each without error terms.", valueName: "seconds"))
  var seconds: Double = 1

  @Option(help: ArgumentHelp("With error terms (safe), without (ignore), or both in turn.", valueName: "choice"))
  var rounding: String = "both"

  @Option(help: ArgumentHelp("Draw the rates into this SVG file.", valueName: "file"))
  var chart: String?

  @Option(help: ArgumentHelp("Threads on the CPU (default: one for each processor).", valueName: "count"))
  var threads: Int?

  /// One path on one device.
  struct Row: Encodable {
    let network: String
    let path: String
    let device: String
    let deviceName: String
    /// "safe" or "ignore".
    let rounding: String
    /// Parts that went through together.
    let batch: Int
    /// The median, least and greatest of five turns.
    let boundsPerSecond: Double
    let least: Double
    let greatest: Double
    /// The time with error terms over the time without, less 1; only in rows with error terms, where both were measured.
    let roundingCost: Double?
    let subproblemsPerHour: Double
    /// Only for gather blocks.
    let multiplyAddsPerSecond: Double?
    let peakMultiplyAddsPerSecond: Double?
    let shareOfPeak: Double?
  }

  func validate() throws {
    if !(seconds > 0 && seconds <= 600) { throw ValidationError("--seconds must be between 0 and 600.") }
    if !["safe", "ignore", "both"].contains(rounding) {
      throw ValidationError("--rounding must be safe, ignore or both, not '\(rounding)'.")
    }
    if let threads, threads < 1 || threads > 1024 { throw ValidationError("--threads must be between 1 and 1024.") }
    guard (model == nil) == (property == nil) else {
      throw ValidationError("name a model and a property, or neither.")
    }
  }

  func run() async throws {
    let problems = try problems()
    let processor = CPUDevice(.init(concurrency: threads))
    let roundings = rounding == "both" ? [true, false] : [rounding == "safe"]
    var rows: [Row] = []
    for name in device.split(separator: ",").map(String.init) {
      let chosen = name.lowercased() == "cpu" ? nil : try DeviceChoice(name: name).device()
      let device: any Device = chosen ?? processor
      let peak = try await DevicePeak.multiplyAddsPerSecond(device, .float32)
      for (network, problem) in problems {
        let bench = BoundBench(
          problem, threads: processor.concurrency, seconds: seconds, roundings: roundings)
        let rates = try await bench.rates(on: chosen)
        if rates.isEmpty { Terminal.message("Nothing on \(name) bounds \(network); left out.") }
        for rate in rates {
          let other = rates.first { $0.path == rate.path && $0.isRoundingSafe != rate.isRoundingSafe }
          let products = rate.isOneRow ? rate.median * Double(problem.network.multiplyAdds) : nil
          let row = Row(
            network: network, path: rate.path, device: name,
            deviceName: device.identity.name, rounding: rate.isRoundingSafe ? "safe" : "ignore",
            batch: rate.batch, boundsPerSecond: rate.median, least: rate.turns.first!, greatest: rate.turns.last!,
            roundingCost: rate.isRoundingSafe ? other.map { $0.median / rate.median - 1 } : nil,
            subproblemsPerHour: 3600 * rate.median / Double(rate.boundsPerSubproblem),
            multiplyAddsPerSecond: products, peakMultiplyAddsPerSecond: products == nil ? nil : peak,
            shareOfPeak: products.flatMap { products in peak.map { products / $0 } })
          rows.append(row)
          if outputOptions.json { print(try JSONText.encode(row)) }
        }
      }
    }
    if !outputOptions.json { print(Self.table(rows).text) }
    if rows.isEmpty { throw UserError("no bound path could be measured.") }
    if let chart { try Self.chart(rows).write(to: chart) }
  }

  private func problems() throws -> [(name: String, problem: SearchProblem)] {
    guard let model, let property else { return BoundBench.examples }
    let subject = try VerificationSubject(model: try LoadedModel(model), specification: property)
    guard let first = subject.property.cases.first else { throw UserError("\(property) has no case to bound.") }
    let region = VerificationCase(first, of: subject.network)
    guard !region.rows.isEmpty else { throw UserError("\(property) has no constraint on outputs to bound.") }
    return [(subject.model.name, SearchProblem(network: subject.network, verificationCase: region))]
  }

  private static func table(_ rows: [Row]) -> TextTable {
    var table = TextTable([
      "network", "path", "device", "rounding", "batch", "bounds/s", "spread", "cost", "subproblems/h", "of peak",
    ])
    for row in rows {
      let spread = (row.greatest - row.least) / row.boundsPerSecond
      table.append([
        row.network, row.path, row.device, row.rounding, NumberText.grouped(row.batch),
        NumberText.grouped(Int(row.boundsPerSecond)), NumberText.decimal(100 * spread, places: 0) + " %",
        row.roundingCost.map { NumberText.decimal(100 * $0, places: 1) + " %" } ?? "",
        NumberText.rate(row.subproblemsPerHour),
        row.shareOfPeak.map { NumberText.decimal(100 * $0, places: 0) + " %" } ?? "-",
      ])
    }
    return table
  }

  /// A panel for each network and path, because their rates lie far apart.
  private static func chart(_ rows: [Row]) -> RateChart {
    var panels: [RateChart.Panel] = []
    for row in rows {
      let title = "\(row.network), \(row.path)"
      let bar = RateChart.Bar(
        name: row.device + (row.rounding == "safe" ? "" : ", no error terms"),
        style: row.rounding == "safe" ? .strong : .weak, rate: row.boundsPerSecond, range: row.least...row.greatest,
        note: row.shareOfPeak.map { "\(NumberText.decimal(100 * $0, places: 0)) % of peak" } ?? "")
      if let index = panels.firstIndex(where: { $0.title == title }) {
        panels[index].bars.append(bar)
      } else {
        panels.append(.init(title: title, bars: [bar]))
      }
    }
    let devices = rows.map(\.deviceName).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    return RateChart(
      title: "Bounds per second", subtitle: devices.joined(separator: "; ") + "; whiskers: least and greatest turn",
      panels: panels)
  }
}
