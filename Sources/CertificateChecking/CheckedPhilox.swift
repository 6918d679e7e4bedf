// Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011, section 3.4): ten rounds of two 32x32 -> 64 bit products, the key
// raised by a constant before each round but the first.

package enum CheckedPhilox {
  /// The four words for a counter and a key.
  package static func words(
    counter: (UInt32, UInt32, UInt32, UInt32), key: (UInt32, UInt32)
  ) -> (UInt32, UInt32, UInt32, UInt32) {
    var (c0, c1, c2, c3) = counter
    var (k0, k1) = key
    for _ in 0..<10 {
      let first = (0xD251_1F53 as UInt32).multipliedFullWidth(by: c0)
      let second = (0xCD9E_8D57 as UInt32).multipliedFullWidth(by: c2)
      (c0, c1, c2, c3) = (second.high ^ c1 ^ k0, second.low, first.high ^ c3 ^ k1, first.low)
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return (c0, c1, c2, c3)
  }

  /// The 64-bit word that decides one pixel's noise: counter = (pixel >> 1, sample low, sample high, stream),
  /// word[2(p & 1) + 1] 2^32 + word[2(p & 1)] (reference/soundness.md 2.4).
  ///
  /// Stream 0 is selection, 1 estimation, 2 prediction.
  package static func word(key: (UInt32, UInt32), stream: UInt32, sample: UInt64, pixel: UInt32) -> UInt64 {
    let block = words(
      counter: (pixel >> 1, UInt32(truncatingIfNeeded: sample), UInt32(truncatingIfNeeded: sample >> 32), stream),
      key: key)
    return pixel & 1 == 0
      ? UInt64(block.1) << 32 | UInt64(block.0)
      : UInt64(block.3) << 32 | UInt64(block.2)
  }
}
