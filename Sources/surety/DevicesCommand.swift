import ArgumentParser
import CPUCompute
import Certificates
import Compute
import OpenCLCompute
import Reports
import SelfTest

/// `surety devices`: what can compute here, and whether it computes rightly.
struct DevicesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices",
    abstract: "List the CPU and every OpenCL device; --self-test compares them with the reference.",
    discussion: """
      --self-test runs every device step on small and awkward shapes by its definition, on the CPU and on every OpenCL \
      device, and compares the results with proven error bounds (noise bit for bit), and moves one sample through every \
      slot of a batch.

      Examples:
        surety devices
        surety devices --self-test --device opencl:0
      """)

  @Flag(help: "Run the agreement table of reference, CPU and OpenCL.")
  var selfTest = false

  @Option(help: ArgumentHelp("Test only this device: cpu, opencl or opencl:N.", valueName: "device"))
  var device: String?

  @Option(help: ArgumentHelp("The instruction set of the CPU device.", valueName: "name"))
  var isa: String?

  @OptionGroup var outputOptions: OutputOptions

  private struct Row: Encodable {
    let name: String
    let kind: String
    let deviceName: String
    let software: String
    let variant: String
    let memoryBytes: Int
    let precisions: [String]
    let concurrency: Int
  }

  func run() async throws {
    _ = try DeviceChoice(name: "cpu", isa: isa)
    var devices: [(name: String, device: any Device)] = [("cpu", CPUDevice())]
    var absence: String?
    do {
      devices += try OpenCLDevice.all().map { ("opencl:\($0.index)", $0) }
    } catch { absence = "\(error)" }
    if let wanted = device {
      let name = wanted == "opencl" ? "opencl:0" : wanted
      devices = devices.filter { $0.name == name }
      guard !devices.isEmpty else { throw UserError("there is no device \(wanted). \(absence ?? "")") }
    }
    let rows = devices.map { name, device in
      Row(
        name: name, kind: device.identity.kind, deviceName: device.identity.name, software: device.identity.software,
        variant: device.identity.variant, memoryBytes: device.memory, precisions: device.precisions.map(\.rawValue),
        concurrency: device.concurrency)
    }
    if outputOptions.json {
      for row in rows { print(try JSONText.encode(row)) }
    } else {
      var table = TextTable(["device", "name", "memory", "precisions", "software", "variant"])
      for row in rows {
        table.append([
          row.name, row.deviceName, NumberText.decimal(Double(row.memoryBytes) / 1_073_741_824, places: 1) + " GiB",
          row.precisions.joined(separator: ", "), row.software, row.variant,
        ])
      }
      print(table.text)
      if let absence, device == nil { print("OpenCL: \(absence)") }
    }
    guard selfTest else { return }
    try await runSelfTest(devices.map(\.device))
  }

  private struct Summary: Encodable {
    let passed: Int
    let failed: Int
  }

  /// Prints the agreement table: every row as JSON, or the failures and a count per device.
  private func runSelfTest(_ devices: [any Device]) async throws {
    let json = outputOptions.json
    let quiet = outputOptions.quiet
    let report: @Sendable (AgreementRow) -> Void = { row in
      if json {
        if let line = try? JSONText.encode(row) { print(line) }
      } else if !row.passes {
        Terminal.clearBar()
        print(row.description)
      } else if !quiet, Terminal.isInteractive {
        Terminal.bar(row.description)
      }
    }
    var rows = await AgreementTable.run(devices: devices, report: report)
    let invariance = await AgreementTable.batchInvariance(devices: devices)
    for row in invariance { report(row) }
    rows += invariance
    Terminal.clearBar()
    let failed = rows.filter { !$0.passes }.count
    if json {
      print(try JSONText.encode(["summary": Summary(passed: rows.count - failed, failed: failed)]))
    } else {
      var table = TextTable(["self-test on", "cases", "passed", "failed"])
      for device in Set(rows.map(\.device)).sorted() {
        let own = rows.filter { $0.device == device }
        table.append([
          device, String(own.count), String(own.filter(\.passes).count), String(own.filter { !$0.passes }.count),
        ])
      }
      print(table.text)
    }
    if failed > 0 { throw ExitCode(1) }
  }
}
