import Glibc

/// Finds the data that tests compare with: `$SURETY_DATA`, else `../shared/data` beside the package.
package enum TestData {
  /// The folder, or nil if it is not there.
  package static let directory: String? = {
    if let path = getenv("SURETY_DATA").map({ String(cString: $0) }) { return exists(path) ? path : nil }
    let root = packageRoot
    return [root + "/../shared/data"].first(where: exists)
  }()

  /// The package's root folder, found from this file's place in it.
  package static let packageRoot: String = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    .dropLast(3).joined(separator: "/")

  /// Whether tests that need a file below the data folder can run. With CI=true missing data is a failure, so the
  /// answer is yes and the test then fails at the file.
  package static func isAvailable(_ path: String) -> Bool {
    if getenv("CI").map({ String(cString: $0) }) == "true" { return true }
    return directory.map { exists($0 + "/" + path) } ?? false
  }

  /// The path of a file below the data folder.
  package static func path(_ path: String) -> String { (directory ?? packageRoot + "/../shared/data") + "/" + path }

  /// A file's bytes.
  package static func bytes(_ path: String) throws -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw MissingFile(path: path) }
    defer { fclose(file) }
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { return result }
      result.append(contentsOf: buffer[..<count])
    }
  }

  /// A file's lines.
  package static func lines(_ path: String) throws -> [String] {
    String(decoding: try bytes(path), as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
  }

  private static func exists(_ path: String) -> Bool { access(path, R_OK) == 0 }

  package struct MissingFile: Error, CustomStringConvertible {
    package let path: String
    package var description: String { "the file \(path) is missing; set SURETY_DATA to the data folder" }
  }
}

/// A small seeded generator (SplitMix64), so that a failing case can be repeated from its printed seed.
package struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
