// An open part of the region in a search over activation splits, as small as it can be kept.

/// A part of the region on which one clause is not refuted yet.
package struct SplitDomain: Sendable {
  package var clause: Int32
  /// The row that the bound is about.
  package var row: Int32
  /// The part's place in the proof tree; -1 where no proof is wanted.
  package var node: Int32
  /// The row is at least this; never less than what the parent had.
  package var bound: Double
  package var splits: [Split]
  /// The slopes behind the bound in parts of 255, by slot.
  package var slopes: [UInt8]
  package var multipliers: [Float]
  /// Slots worth splitting, best first.
  package var candidates: [Int32]

  package init(
    clause: Int32, row: Int32, node: Int32, bound: Double, splits: [Split], slopes: [UInt8], multipliers: [Float],
    candidates: [Int32]
  ) {
    self.clause = clause
    self.row = row
    self.node = node
    self.bound = bound
    self.splits = splits
    self.slopes = slopes
    self.multipliers = multipliers
    self.candidates = candidates
  }

  package var item: SplitItem {
    SplitItem(row: Int(row), splits: splits, slopes: slopes.map { Float($0) / 255 }, multipliers: multipliers)
  }

  /// Bytes that it holds, roughly.
  var size: Int { 160 + 8 * splits.count + slopes.count + 4 * (multipliers.count + candidates.count) }

  static func quantised(_ slopes: [Float]) -> [UInt8] {
    slopes.map { UInt8(min(max($0, 0), 1) * 255 + 0.5) }
  }
}

extension SplitDomain {
  /// Appends the domain's bytes.
  func write(to bytes: inout [UInt8]) {
    func append<Number>(_ number: Number) { withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) } }
    append(clause)
    append(row)
    append(node)
    append(bound)
    append(Int32(splits.count))
    append(Int32(slopes.count))
    append(Int32(multipliers.count))
    append(Int32(candidates.count))
    for split in splits { append(split.isActive ? split.slot : ~split.slot) }
    bytes.append(contentsOf: slopes)
    for multiplier in multipliers { append(multiplier) }
    for candidate in candidates { append(candidate) }
  }

  /// Reads a domain that `write` wrote and moves on behind it.
  init(from bytes: UnsafeRawBufferPointer, at place: inout Int) {
    func next<Number: BitwiseCopyable>(_ type: Number.Type) -> Number {
      defer { place += MemoryLayout<Number>.size }
      return bytes.loadUnaligned(fromByteOffset: place, as: type)
    }
    clause = next(Int32.self)
    row = next(Int32.self)
    node = next(Int32.self)
    bound = next(Double.self)
    let counts = (0..<4).map { _ in Int(next(Int32.self)) }
    splits = (0..<counts[0]).map { _ in
      let code = next(Int32.self)
      return Split(slot: code < 0 ? ~code : code, isActive: code >= 0)
    }
    slopes = (0..<counts[1]).map { _ in next(UInt8.self) }
    multipliers = (0..<counts[2]).map { _ in next(Float.self) }
    candidates = (0..<counts[3]).map { _ in next(Int32.self) }
  }
}
