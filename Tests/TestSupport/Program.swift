import FoundationEssentials
import Glibc
import Synchronization

/// The `surety` program as its users run it, for end-to-end tests.
package struct Program: Sendable {
  /// The executable beside the test bundle, or `$SURETY_PROGRAM`.
  package static let path: String = {
    if let path = getenv("SURETY_PROGRAM").map({ String(cString: $0) }) { return path }
    for argument in CommandLine.arguments where argument.contains(".xctest") {
      let bundle = argument.split(separator: "/", omittingEmptySubsequences: false)
      if let place = bundle.firstIndex(where: { $0.hasSuffix(".xctest") }) {
        let candidate = bundle[..<place].joined(separator: "/") + "/surety"
        if access(candidate, X_OK) == 0 { return candidate }
      }
    }
    return TestData.packageRoot + "/.build/release/surety"
  }()

  /// What a finished run printed and returned; a negative code is the signal that ended it.
  package struct Result: Sendable {
    package let code: Int32
    package let output: String
    package let messages: String
    /// The most memory that it held, in bytes, as seen every few milliseconds.
    package let peakMemory: Int
  }

  private let process: pid_t
  private let folder: String

  /// Starts the program with arguments, extra environment entries ("NAME=value") and a working folder.
  ///
  /// `launcher` is a command that becomes the program, such as a shell that sets a limit and then calls exec;
  /// `executable` is another program to run instead.
  package init(
    _ arguments: [String], environment: [String] = [], in workingFolder: String? = nil, launcher: [String] = [],
    executable: String = Self.path
  ) throws {
    folder = try TemporaryFolder.make("program")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, folder + "/output", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    posix_spawn_file_actions_addopen(&actions, 2, folder + "/messages", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    let names = Set(environment.map { $0.prefix { $0 != "=" } })
    let inherited = Self.environment.filter { !names.contains($0.prefix { $0 != "=" }) }
    // coreutils' env changes the folder and then becomes the program, under the same process number.
    let prefix = workingFolder.map { ["/usr/bin/env", "-C", $0] } ?? []
    let words = prefix + launcher + [executable] + arguments
    var argv = words.map { strdup($0) } + [nil]
    var envp = (inherited + environment).map { strdup($0) } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    var process: pid_t = 0
    let status = posix_spawn(&process, words[0], &actions, nil, &argv, &envp)
    guard status == 0 else {
      throw Failure(description: "cannot start \(executable): \(String(cString: strerror(status)))")
    }
    self.process = process
  }

  private static let environment: [String] = {
    var result: [String] = []
    var pointer = environ
    while let entry = pointer.pointee {
      result.append(String(cString: entry))
      pointer += 1
    }
    return result
  }()

  /// Sends a signal to this process only.
  package func signal(_ number: Int32) { kill(process, number) }

  /// Waits for the end, at most `seconds`; then the process is killed and the wait is a failure.
  package func finish(within seconds: Double = 300) throws -> Result {
    var status: Int32 = 0
    var peakMemory = 0
    let deadline = ContinuousClock.now + .seconds(seconds)
    while waitpid(process, &status, WNOHANG) == 0 {
      peakMemory = max(peakMemory, residentPeak)
      if ContinuousClock.now > deadline {
        kill(process, SIGKILL)
        waitpid(process, &status, 0)
        defer { TemporaryFolder.remove(folder) }
        throw Failure(description: "the program did not end within \(seconds) s; it said: \(text("messages"))")
      }
      usleep(2000)
    }
    let signalled = status & 0x7f
    defer { TemporaryFolder.remove(folder) }
    return Result(
      code: signalled == 0 ? (status >> 8) & 0xff : -signalled, output: text("output"), messages: text("messages"),
      peakMemory: peakMemory)
  }

  /// The most memory that the running program has held so far; 0 once it is gone. What wait4 reports would include the
  /// memory of this process, from which the program was started.
  private var residentPeak: Int {
    guard let status = try? TestData.bytes("/proc/\(process)/status") else { return 0 }
    let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    let digits = line?.filter(\.isNumber) ?? ""
    return (Int(digits) ?? 0) << 10
  }

  private func text(_ name: String) -> String {
    String(decoding: (try? TestData.bytes(folder + "/" + name)) ?? [], as: UTF8.self)
  }

  /// Runs the program to its end.
  package static func run(
    _ arguments: [String], environment: [String] = [], in workingFolder: String? = nil, launcher: [String] = [],
    within seconds: Double = 300
  ) throws -> Result {
    try Program(arguments, environment: environment, in: workingFolder, launcher: launcher).finish(within: seconds)
  }

  package struct Failure: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
  }
}

/// Folders below the system's folder for temporary files.
package enum TemporaryFolder {
  /// A new folder.
  package static func make(_ name: String) throws -> String {
    let root = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(root)/surety-\(name)-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Program.Failure(description: "cannot make a folder in \(root): \(String(cString: strerror(errno)))")
    }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// A new folder that is removed when the tests' process ends.
  package static func makeUntilExit(_ name: String) throws -> String {
    let folder = try make(name)
    let isFirst = untilExit.withLock { folders in
      folders.append(folder)
      return folders.count == 1
    }
    if isFirst { atexit { TemporaryFolder.untilExit.withLock { $0.forEach(TemporaryFolder.remove) } } }
    return folder
  }

  private static let untilExit = Mutex<[String]>([])

  /// Removes a folder and everything in it; nothing happens if it is gone.
  package static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }
}
