import ArgumentParser
import Certificates
import Inputs
import Reports

/// `surety report`: a page about a run.
struct ReportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write a self-contained HTML page about a run.",
    discussion: """
      Example:
        surety report run --out report.html
      """)

  @Argument(help: ArgumentHelp("The run folder.", valueName: "run"))
  var path: String

  @Option(help: ArgumentHelp("The page (default: report.html in the run folder).", valueName: "file"))
  var out: String?

  @Option(help: ArgumentHelp("A CSV file with the classes' names (index,name).", valueName: "file"))
  var classes: String?

  @OptionGroup var outputOptions: OutputOptions

  func run() async throws {
    let page = out ?? path + "/report.html"
    try Self.write(path, to: page, classNames: try classes.map { try ClassNames.read(contentsOf: $0) } ?? [])
    if outputOptions.json { print(try JSONText.encode(["report": page])) } else { print("Report: \(page)") }
  }

  /// Writes the page of a run folder.
  static func write(_ folder: String, to page: String, classNames: [String]) throws {
    if let verification = try VerificationFolder.configurationIfPresent(folder) {
      let html = VerificationReport.html(
        configuration: verification, records: try VerificationFolder.contents(folder).records)
      return try DurableFile.replace(page, with: Array(html.utf8))
    }
    guard let configuration = try RunFolder.configurationIfPresent(folder) else {
      throw UserError("\(folder) is no run folder: it has no run.json.")
    }
    let file = folder + "/certificates.jsonl"
    let contents = try CertificateFile.read(try DurableFile.read(file) ?? [], path: file)
    var seconds: [Int: Double] = [:]
    if let table = try DurableFile.read(folder + "/certified.tsv") {
      for line in String(decoding: table, as: UTF8.self).split(separator: "\n").dropFirst() {
        let fields = line.split(separator: "\t")
        if fields.count == 6, let index = Int(fields[0]), let time = Double(fields[5]) { seconds[index] = time }
      }
    }
    let html = try SmoothingReport.html(
      configuration: configuration, certificates: contents.records, seconds: seconds, classNames: classNames)
    try DurableFile.replace(page, with: Array(html.utf8))
  }
}
