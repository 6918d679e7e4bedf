// Philox4x32-10, the counter-based generator of all certificate noise.
//
// Ten rounds of (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", section 4.3)
//   (c0, c1, c2, c3) <- (hi(B c2) ^ c1 ^ k0, lo(B c2), hi(A c0) ^ c3 ^ k1, lo(A c0)),
// with A = 0xD2511F53, B = 0xCD9E8D57 and the key bumped by the Weyl constants between rounds.

/// The Philox4x32 generator with ten rounds: a pure function of counter and key.
///
/// The words equal those of Random123 bit for bit, on every device, whatever the order in which they are asked for.
public enum Philox4x32 {
  /// The four output words for one counter and key.
  ///
  /// - Complexity: twenty 32 x 32 bit products.
  @inlinable
  public static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var state = counter
    var roundKey = key
    for _ in 0..<10 {
      let first = UInt64(0xD251_1F53 as UInt32) * UInt64(state.x)
      let second = UInt64(0xCD9E_8D57 as UInt32) * UInt64(state.z)
      state = SIMD4(
        UInt32(truncatingIfNeeded: second >> 32) ^ state.y ^ roundKey.x,
        UInt32(truncatingIfNeeded: second),
        UInt32(truncatingIfNeeded: first >> 32) ^ state.w ^ roundKey.y,
        UInt32(truncatingIfNeeded: first))
      roundKey = roundKey &+ SIMD2(0x9E37_79B9, 0xBB67_AE85)
    }
    return state
  }

  /// The 64-bit noise word of one pixel of one sample.
  ///
  /// The counter is (pixel >> 1, sample low, sample high, stream); an even pixel takes words 1 and 0 of the block, an
  /// odd one words 3 and 2, the first of each pair being the high half. Pixels are counted in storage order.
  /// - Parameters:
  ///   - key: the two key words of the image.
  ///   - stream: 0 for selection, 1 for estimation, 2 for prediction.
  ///   - sample: the sample number.
  ///   - pixel: the index of the pixel value, at least 0 and below 2^33.
  @inlinable
  public static func noiseWord(key: SIMD2<UInt32>, stream: UInt32, sample: UInt64, pixel: Int) -> UInt64 {
    let counter = SIMD4(
      UInt32(pixel >> 1), UInt32(truncatingIfNeeded: sample), UInt32(truncatingIfNeeded: sample >> 32), stream)
    let words = block(counter: counter, key: key)
    let odd = pixel & 1
    return UInt64(words[2 * odd + 1]) << 32 | UInt64(words[2 * odd])
  }
}
