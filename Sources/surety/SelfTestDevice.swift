import ArgumentParser
import Glibc
import OpenCLCompute

/// `surety self-test-device N --json`: the numeric test of kernel variants, in a process of its own, so that a driver
/// that aborts cannot take a run with it. Not for people: `surety devices --self-test` is.
struct SelfTestDevice: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "self-test-device", abstract: "Test the kernel variants of one OpenCL device.", shouldDisplay: false)

  @Argument var index: Int
  @Option var scope = RungSelfTest.Scope.all
  @Flag var json = false

  func run() throws {
    let device = try OpenCLDevice.device(index)
    let admission = RungSelfTest.run(device, scope) { Terminal.message($0) }
    if scope == .all { RungSelfTest.remember(admission, device) }
    print(admission.json, terminator: "")
  }
}

extension RungSelfTest.Scope: ExpressibleByArgument {}
