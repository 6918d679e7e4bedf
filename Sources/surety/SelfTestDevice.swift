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
    print(RungSelfTest.run(try OpenCLDevice.device(index), scope).json, terminator: "")
  }
}

extension RungSelfTest.Scope: ExpressibleByArgument {}
