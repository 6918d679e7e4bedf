import ArgumentParser
import Glibc

/// The program. Exit codes: 0 certified or completed, 1 falsified or rejected, 2 error, 3 undecided, 130 interrupted.
struct Surety: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "surety",
    abstract: "Certify neural networks: robust, not robust or undecided, with a certificate that can be checked.",
    discussion: """
      Start here:
        surety demo
        surety smooth certify --model model.onnx --data images/ --labels labels.csv \\
          --preprocess imagenet --sigma 0.25 --out run
        surety check run --samples 200
        surety report run

      Results go to standard output, progress and messages to standard error.
      Exit codes: 0 certified or completed, 1 falsified or rejected, 2 error, 3 undecided.
      """,
    version: suretyVersion,
    subcommands: [
      DemoCommand.self, DevicesCommand.self, InspectCommand.self, SmoothCommand.self, VerifyCommand.self,
      AttackCommand.self, CheckCommand.self,
      MergeCommand.self, BenchCommand.self, ReportCommand.self, SelfTestDevice.self,
    ])
}

/// The version that certificates name.
let suretyVersion = "0.1.0"

@main
enum Program {
  static func main() {
    Interruption.install()
    Task.detached { await run() }
    Interruption.wait()
  }

  private static func run() async {
    do {
      var command = try Surety.parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
      finish(0)
    } catch let code as ExitCode {
      finish(code.rawValue)
    } catch {
      let code = Surety.exitCode(for: error)
      if code == .success {
        print(Surety.message(for: error))
        finish(0)
      }
      let text = Surety.fullMessage(for: error)
      Terminal.message(text.hasPrefix("Error: ") ? text : "Error: \(text)")
      finish(2)
    }
  }

  /// Ends the process after standard output was written; an output that cannot be written is an error.
  static func finish(_ code: Int32) -> Never {
    guard fflush(nil) == 0 else {
      Terminal.message("Error: cannot write the results to standard output")
      _exit(2)
    }
    _exit(code)
  }
}

/// A sentence for the user that ends the program with exit code 2.
struct UserError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
