/// The configuration of a verification run over a list of instances: `run.json`.
package struct VerificationConfiguration: Sendable, Equatable, Codable {
  package static let currentFormat = "surety-verification-run-1"

  package var format: String
  package var version: String
  /// Where the list was; a hint for the checker, not part of the configuration.
  package var instances: String
  /// SHA-256 of the list.
  package var listSHA256: String
  package var count: Int
  package var skip: Int
  package var limit: Int?
  package var shard: Int
  package var shards: Int
  package var semantics: String
  package var isRoundingSafe: Bool
  /// The time limit that overrides the list's own; nil: the list's.
  package var timeout: Double?
  package var seed: UInt64
  package var wantsProofs: Bool
  /// What computed, of the latest start; records name their own.
  package var device: String

  package init(
    version: String, instances: String, listSHA256: String, count: Int, skip: Int, limit: Int?, shard: Int,
    shards: Int, semantics: String, isRoundingSafe: Bool, timeout: Double?, seed: UInt64, wantsProofs: Bool,
    device: String
  ) {
    format = Self.currentFormat
    self.version = version
    self.instances = instances
    self.listSHA256 = listSHA256
    self.count = count
    self.skip = skip
    self.limit = limit
    self.shard = shard
    self.shards = shards
    self.semantics = semantics
    self.isRoundingSafe = isRoundingSafe
    self.timeout = timeout
    self.seed = seed
    self.wantsProofs = wantsProofs
    self.device = device
  }

  /// The instances of this run, ascending.
  package func indices() -> [Int] {
    let end = limit.map { min(count, skip + $0) } ?? count
    guard skip < end else { return [] }
    return (skip..<end).filter { ($0 - skip) % shards == shard }
  }

  /// The first difference that forbids resuming `other` in this run's folder, as a sentence, or nil.
  package func difference(from other: VerificationConfiguration) -> String? {
    func differ(_ what: String, _ mine: some CustomStringConvertible, _ its: some CustomStringConvertible) -> String {
      "\(what) was \(mine) there and is \(its) now"
    }
    if format != other.format { return differ("the format", format, other.format) }
    if listSHA256 != other.listSHA256 { return "the list of instances changed" }
    if semantics != other.semantics { return differ("--semantics", semantics, other.semantics) }
    if isRoundingSafe != other.isRoundingSafe {
      return differ("--rounding", isRoundingSafe ? "safe" : "ignore", other.isRoundingSafe ? "safe" : "ignore")
    }
    if timeout != other.timeout {
      return differ("--timeout", timeout.map { "\($0)" } ?? "the list's", other.timeout.map { "\($0)" } ?? "the list's")
    }
    if seed != other.seed { return differ("--seed", seed, other.seed) }
    if wantsProofs != other.wantsProofs { return differ("--proofs", wantsProofs, other.wantsProofs) }
    let mine = "skip \(skip), limit \(limit.map(String.init) ?? "none"), shard \(shard)/\(shards)"
    let its =
      "skip \(other.skip), limit \(other.limit.map(String.init) ?? "none"), shard \(other.shard)/\(other.shards)"
    if mine != its { return differ("the selection of instances", mine, its) }
    return nil
  }
}
