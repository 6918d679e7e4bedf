// The agreement table on every device of this machine, and that it notices faults.

import CPUCompute
import Compute
import OpenCLCompute
import SelfTest
import Tensors
import Testing

@Suite struct AgreementTests {
  @Test func everyPrimitiveHasCases() {
    let names: Set<String> = [
      "add_noise", "arg_max", "binary", "convert", "convolve", "convolve_transposed", "copy_strided", "fill", "gather",
      "inverted_residual", "matrix_multiply", "multiply_adds", "normalize_rows", "panel_convolve", "pool",
      "quantized_convolve",
      "reduce",
      "rescale", "scale_shift", "softmax", "unary",
    ]
    #expect(AgreementTable.primitives.isSuperset(of: names))
  }

  @Test func cpuAgreesWithTheDefinitions() async {
    let rows = await AgreementTable.run(devices: [CPUDevice()])
    #expect(rows.count > 130)
    for row in rows where !row.passes { Issue.record("\(row)") }
  }

  @Test(.enabled(if: (try? !OpenCLDevice.all().isEmpty) ?? false, "this machine has no OpenCL device"))
  func openCLAgreesWithTheDefinitions() async throws {
    let rows = await AgreementTable.run(devices: try OpenCLDevice.all())
    #expect(rows.count > 130)
    for row in rows where !row.passes { Issue.record("\(row)") }
  }

  @Test func samplesDoNotDependOnTheirSlot() async {
    let devices: [any Device] = [CPUDevice()] + ((try? OpenCLDevice.all()) ?? [])
    for row in await AgreementTable.batchInvariance(devices: devices) where !row.passes { Issue.record("\(row)") }
  }

  /// A wrong last bit of one logit, a lost NaN, a wrong vote and a level that is off by one each make rows fail.
  @Test func faultsAreNoticed() async {
    let honest = CPUDevice()
    let onLevels: [(FaultyDevice.Fault, String)] =
      honest.precisions.contains(.int8) ? [(.lastBit, "quantized_convolve"), (.lastBit, "rescale")] : []
    for (fault, filter) in [
      (FaultyDevice.Fault.lastBit, "copy_strided transpose"), (.lostNaN, "convolve NaN relu"),
      (.lastBit, "arg_max ties"),
      (.scaled, "convolve 3x3 relu"), (.scaled, "matrix_multiply fully"), (.scaled, "softmax rows"),
      (.scaled, "normalize_rows"), (.scaled, "pool average"), (.scaled, "unary exp"), (.lastBit, "add_noise"),
    ] + onLevels {
      let rows = await AgreementTable.run(devices: [FaultyDevice(honest, fault)], filter: filter)
      #expect(!rows.isEmpty && rows.allSatisfy { !$0.passes }, "\(fault) went unnoticed in \(filter)")
    }
  }

  @Test func rowsTravelAsJSON() async throws {
    let rows = await AgreementTable.run(devices: [CPUDevice()], filter: "fill number")
    #expect(rows.count >= 1 && rows.allSatisfy { $0.description.hasPrefix("ok") && $0.maximumError == 0 })
  }
}

/// A device that spoils what it reads back.
private final class FaultyDevice: Device {
  enum Fault { case lastBit, lostNaN, scaled }

  let honest: CPUDevice
  let fault: Fault
  var identity: DeviceIdentity { honest.identity }
  var precisions: [Precision] { honest.precisions.filter { $0 == .float32 || $0 == .int8 } }
  var concurrency: Int { 1 }
  var memory: Int { honest.memory }

  init(_ honest: CPUDevice, _ fault: Fault) {
    self.honest = honest
    self.fault = fault
  }

  func prepare(_ list: CommandList, instances: Int) async throws(DeviceError) -> [any PreparedList] {
    let fault = fault
    return try await honest.prepare(list, instances: instances).map { FaultyList($0, list, fault) }
  }

  private final class FaultyList: PreparedList {
    let honest: any PreparedList
    let list: CommandList
    let fault: Fault

    init(_ honest: any PreparedList, _ list: CommandList, _ fault: Fault) {
      self.honest = honest
      self.list = list
      self.fault = fault
    }

    func write(_ bytes: UnsafeRawBufferPointer, to value: Value, offset: Int) throws(DeviceError) {
      try honest.write(bytes, to: value, offset: offset)
    }

    func run() async throws(DeviceError) { try await honest.run() }

    func read(_ value: Value) throws(DeviceError) -> [UInt8] {
      var bytes = try honest.read(value)
      switch fault {
      case .lastBit: bytes[0] ^= 1
      case .lostNaN, .scaled:
        bytes.withUnsafeMutableBytes { bytes in
          let floats = bytes.bindMemory(to: Float.self)
          for index in floats.indices {
            if fault == .scaled { floats[index] *= 1.01 } else if floats[index].isNaN { floats[index] = 0 }
          }
        }
      }
      return bytes
    }
  }
}
