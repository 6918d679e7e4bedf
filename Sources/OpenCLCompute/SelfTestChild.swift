// The self-test in a process of its own, so that a driver that aborts takes only the child with it.

import Compute
import Glibc

/// The self-test in a process of its own: `surety self-test-device INDEX --scope SCOPE --json`.
package enum SelfTestChild {
  /// Whether this process is the program that knows the subcommand, rather than a test bundle or another program.
  static var isAvailable: Bool {
    var path = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    guard count > 0 else { return false }
    let name = String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return name.hasSuffix("/surety")
  }

  /// What this program finds for a device when it runs as a child; nil if that fails or takes five minutes.
  static func run(_ index: Int, _ scope: RungSelfTest.Scope) -> KernelAdmission? {
    run(
      "/proc/self/exe", ["surety", "self-test-device", String(index), "--scope", scope.rawValue, "--json"],
      timeLimit: 300)
  }

  /// The admission that a program prints; nil if it cannot be started, fails, prints anything else or is too slow.
  package static func run(_ program: String, _ words: [String], timeLimit: Int) -> KernelAdmission? {
    var pipes: [Int32] = [0, 0]
    guard pipe(&pipes) == 0 else { return nil }
    for end in pipes { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(pipes[0]) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 1)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var child: pid_t = 0
    let status = posix_spawn(&child, program, &actions, nil, &arguments, environ)
    close(pipes[1])
    guard status == 0 else { return nil }
    let answer = read(from: pipes[0], timeLimit)
    if answer == nil { kill(child, SIGKILL) }
    var state: Int32 = 0
    while waitpid(child, &state, 0) < 0 && errno == EINTR {}
    guard state == 0, let answer else { return nil }
    return KernelAdmission(json: answer)
  }

  /// Everything that the child writes, or nil after the time limit.
  private static func read(from file: Int32, _ timeLimit: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 4096)
    let end = time(nil) + timeLimit
    while true {
      let rest = end - time(nil)
      if rest <= 0 { return nil }
      var poller = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
      let ready = poll(&poller, 1, Int32(rest) * 1000)
      if ready < 0 && errno == EINTR { continue }
      if ready <= 0 { return nil }
      let count = Glibc.read(file, &block, block.count)
      if count < 0 { return nil }
      if count == 0 { return bytes }
      bytes += block[..<count]
    }
  }
}
