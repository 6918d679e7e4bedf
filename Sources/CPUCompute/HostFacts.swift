// What the operating system says about this machine.

import CSIMD
import Glibc

/// Facts about the host, read once where they are asked for.
enum HostFacts {
  /// The processor's own name, or "CPU" where the system does not tell.
  static var processorName: String {
    for line in lines(of: "/proc/cpuinfo") where line.hasPrefix("model name") {
      if let colon = line.firstIndex(of: ":") {
        return String(line[line.index(after: colon)...].drop { $0 == " " })
      }
    }
    return "CPU"
  }

  /// The processors that this process may run on.
  static var processors: Int {
    let allowed = Int(csimd_processors())
    return allowed > 0 ? allowed : max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }

  /// Bytes that the process may still take: what the system calls available, or less where a control group says so.
  static var availableMemory: Int {
    var bytes = Int.max
    for line in lines(of: "/proc/meminfo") where line.hasPrefix("MemAvailable:") {
      let digits = line.filter { $0.isNumber }
      if let kilobytes = Int(digits) { bytes = kilobytes << 10 }
    }
    if let limit = number(in: "/sys/fs/cgroup/memory.max"), let used = number(in: "/sys/fs/cgroup/memory.current") {
      bytes = min(bytes, max(0, limit - used))
    }
    if bytes == Int.max {
      bytes = Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
    return bytes
  }

  private static func number(in path: String) -> Int? { lines(of: path).first.flatMap { Int($0) } }

  private static func lines(of path: String) -> [String] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 14)
    while bytes.count < 1 << 20 {
      let count = fread(&block, 1, block.count, file)
      if count == 0 { break }
      bytes += block[..<count]
    }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
  }
}
