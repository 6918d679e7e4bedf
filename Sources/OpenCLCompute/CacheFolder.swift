// The folder of compiled kernels and self-test results: $XDG_CACHE_HOME/surety, else ~/.cache/surety.

import Glibc

/// Files that may vanish at any time; every failure only means that work is done again.
enum CacheFolder {
  /// The path of a subfolder, made if missing; nil where no place to write is known.
  static func path(_ subfolder: String) -> String? {
    let base: String
    if let cache = getenv("XDG_CACHE_HOME"), cache[0] == 0x2f {
      base = String(cString: cache)
    } else if let home = getenv("HOME"), home[0] == 0x2f {
      base = String(cString: home) + "/.cache"
    } else {
      return nil
    }
    let folder = base + "/surety/" + subfolder
    var end = folder.startIndex
    while end < folder.endIndex {
      end = folder[folder.index(after: end)...].firstIndex(of: "/") ?? folder.endIndex
      mkdir(String(folder[..<end]), 0o755)
    }
    return access(folder, W_OK) == 0 ? folder : nil
  }

  /// The bytes of a file, or nil.
  static func read(_ path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(file, &block, block.count)
      if count < 0 { return nil }
      if count == 0 { return bytes }
      bytes += block[..<count]
    }
  }

  /// Writes a file as a whole or not at all: to a name of this process first, then renamed.
  static func write(_ bytes: [UInt8], to path: String) -> Bool {
    let draft = path + ".\(getpid()).\(UInt64.random(in: 0...UInt64.max))"
    let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard file >= 0 else { return false }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count <= 0 { break }
      rest.removeFirst(count)
    }
    close(file)
    if rest.isEmpty && rename(draft, path) == 0 { return true }
    unlink(draft)
    return false
  }
}
