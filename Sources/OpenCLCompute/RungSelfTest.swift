// Whether a kernel variant computes the right numbers on this device and driver.
//
// Small convolutions and matrix products on integers, whose sums are exact in binary32 in any order, so that a variant
// must give the bits of the reference kernels. Outputs are NaN beforehand; every case runs three times.

import Compute
import Glibc
import Hashing
import Primitives
import Synchronization
import Tensors

/// The admission test of kernel variants.
package enum RungSelfTest {
  /// The rungs beyond the reference that suit the kind of device and compute exactly what the reference kernels do.
  package static func run(_ device: OpenCLDevice) -> Set<Rung> {
    let candidate: Rung = device.kind == .cpu ? .vector : .tiled
    for test in RungCase.all {
      guard let wanted = try? outcome(test, device, rungs: [.reference]),
        wanted.allSatisfy({ !$0.isNaN })
      else { return [.reference] }
      for _ in 0..<3 {
        guard let found = try? outcome(test, device, rungs: [.reference, candidate]),
          found.map(\.bitPattern) == wanted.map(\.bitPattern)
        else { return [.reference] }
      }
    }
    return [.reference, candidate]
  }

  /// The rungs from the cache, from a child process (GPUs: a driver abort must not end the job) or from a test here.
  static func passed(_ device: OpenCLDevice) -> Set<Rung> {
    let key = SHA256.text(Array((device.fullName + "\n" + KernelText.digest).utf8))
    let file = CacheFolder.path("rungs").map { "\($0)/\(key)" }
    if let file, let stored = CacheFolder.read(file), let rungs = parse(stored) { return rungs }
    let isOwnProgram = SelfTestChild.isAvailable && device.kind == .gpu
    let rungs = isOwnProgram ? SelfTestChild.run(device.index) : run(device)
    guard let rungs else { return [.reference] }
    if let file { _ = CacheFolder.write(Array(json(rungs).utf8), to: file) }
    return rungs
  }

  /// The result as one line of JSON, which `parse` reads.
  package static func json(_ rungs: Set<Rung>) -> String {
    "{\"rungs\":[" + rungs.map { "\"\($0.rawValue)\"" }.sorted().joined(separator: ",") + "]}\n"
  }

  /// The rungs of a line written by `json`, or nil for anything else.
  static func parse(_ bytes: [UInt8]) -> Set<Rung>? {
    let text = String(decoding: bytes, as: UTF8.self)
    let all = Set(Rung.allCases)
    for count in 0..<(1 << all.count) {
      let subset = Set(Rung.allCases.enumerated().filter { count >> $0.offset & 1 == 1 }.map(\.element))
      if json(subset) == text { return subset }
    }
    return nil
  }

  private static func outcome(
    _ test: RungCase, _ device: OpenCLDevice, rungs: Set<Rung>
  ) throws(DeviceError) -> [Float] {
    let prepared = try device.prepare(test.list, instances: 1, traits: device.traits(rungs: rungs))[0]
    for (value, numbers) in test.inputs { try prepared.write(numbers, to: value) }
    try prepared.write([Float](repeating: .nan, count: test.list[test.output].count), to: test.output)
    try prepared.runAndWait()
    return try prepared.read(test.output, as: Float.self)
  }
}

/// The self-test in a process of its own: `surety self-test-device INDEX --json`.
enum SelfTestChild {
  static let timeLimit = 120

  /// Whether this process is the program that knows the subcommand, rather than a test bundle or another program.
  static var isAvailable: Bool {
    var path = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    guard count > 0 else { return false }
    let name = String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return name.hasSuffix("/surety")
  }

  /// The rungs that the child found; none if it failed or was too slow; nil if it could not be started.
  static func run(_ index: Int) -> Set<Rung>? {
    var pipes: [Int32] = [0, 0]
    guard pipe(&pipes) == 0 else { return nil }
    for end in pipes { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(pipes[0]) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 1)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    let words = ["surety", "self-test-device", String(index), "--json"]
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { arguments.forEach { free($0) } }
    var child: pid_t = 0
    let status = posix_spawn(&child, "/proc/self/exe", &actions, nil, &arguments, environ)
    close(pipes[1])
    guard status == 0 else { return nil }
    let answer = read(from: pipes[0])
    if answer == nil { kill(child, SIGKILL) }
    var state: Int32 = 0
    while waitpid(child, &state, 0) < 0 && errno == EINTR {}
    guard state == 0, let answer else { return nil }
    return RungSelfTest.parse(answer)
  }

  /// Everything that the child writes, or nil after the time limit.
  private static func read(from file: Int32) -> [UInt8]? {
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
