// What the self-test of a device found, and how it travels from the child process and the cache.

import Compute
import Primitives

/// The kernel variants that compute the right numbers on a device.
package struct KernelAdmission: Sendable, Equatable {
  package var rungs: Set<Rung>
  /// The tiles of the rungs that have several, by name.
  package var tiles: Set<String>

  package init(rungs: Set<Rung>, tiles: Set<String> = []) {
    self.rungs = rungs
    self.tiles = tiles
  }

  /// Reference kernels only.
  static let reference = KernelAdmission(rungs: [.reference])

  /// One line of JSON, which `init(json:)` reads.
  package var json: String {
    "{\"rungs\":\(Self.list(rungs.map(\.rawValue))),\"tiles\":\(Self.list(Array(tiles)))}\n"
  }

  private static func list(_ names: [String]) -> String {
    "[" + names.sorted().map { "\"\($0)\"" }.joined(separator: ",") + "]"
  }

  /// The admission of a line written by `json`; nil for anything else, unknown names among it.
  init?(json bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    let words = text.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
      .filter { $0.offset % 2 == 1 }.map { String($0.element) }
    guard words.first == "rungs", let end = words.firstIndex(of: "tiles") else { return nil }
    rungs = Set(words[1..<end].compactMap { Rung(rawValue: $0) })
    tiles = Set(words[(end + 1)...]).intersection(KernelTile.all.map(\.name))
    guard json == text else { return nil }
  }
}
