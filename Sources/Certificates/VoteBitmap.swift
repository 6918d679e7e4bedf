/// One bit per noise sample: 1 where the sample voted for the certificate's class.
///
/// Sample i is bit (i & 7) of byte i >> 3. Bits beyond the last sample are 0, so that equal votes have equal bytes.
package struct VoteBitmap: Sendable, Equatable {
  package private(set) var bytes: [UInt8]
  /// The number of samples.
  package private(set) var count: Int

  /// A bitmap of `count` samples, none of which voted for the class.
  package init(count: Int) {
    bytes = [UInt8](repeating: 0, count: (count + 7) / 8)
    self.count = count
  }

  /// The first `count` samples of stored bytes, or nil if there are too few.
  package init?(bytes: [UInt8], count: Int) {
    guard count >= 0, bytes.count >= (count + 7) / 8 else { return nil }
    self.bytes = Array(bytes[..<((count + 7) / 8)])
    self.count = count
    if count & 7 != 0 { self.bytes[count >> 3] &= (1 << UInt8(count & 7)) - 1 }
  }

  package subscript(sample: Int) -> Bool {
    get { bytes[sample >> 3] >> UInt8(sample & 7) & 1 == 1 }
    set {
      let mask = UInt8(1) << UInt8(sample & 7)
      if newValue { bytes[sample >> 3] |= mask } else { bytes[sample >> 3] &= ~mask }
    }
  }

  /// Makes room for samples up to `count`; the new ones have not voted.
  package mutating func grow(to count: Int) {
    guard count > self.count else { return }
    bytes.append(contentsOf: repeatElement(0, count: (count + 7) / 8 - bytes.count))
    self.count = count
  }

  /// The first `count` samples.
  package func prefix(_ count: Int) -> VoteBitmap { VoteBitmap(bytes: bytes, count: count)! }

  /// How many of the first `count` samples voted for the class.
  package func votes(in count: Int) -> Int {
    var total = 0
    for byte in bytes[..<(count >> 3)] { total += byte.nonzeroBitCount }
    if count & 7 != 0 { total += (bytes[count >> 3] & ((1 << UInt8(count & 7)) - 1)).nonzeroBitCount }
    return total
  }
}
