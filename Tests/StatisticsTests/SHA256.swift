// SHA-256 (FIPS 180-4), only to compare whole tables with published digests.

/// The SHA-256 digest in lower-case hexadecimal.
func sha256Hex(_ message: [UInt8]) -> String {
  // Fractional parts of square and cube roots of the first primes, computed in integers.
  let primes = (2...311).filter { candidate in (2..<candidate).allSatisfy { candidate % $0 != 0 } }
  func rootFraction(_ prime: Int, power: Int) -> UInt32 {
    // floor(prime^(1/power) 2^32) mod 2^32 by bisection on 128-bit integers.
    var low: UInt128 = 0
    var high: UInt128 = 1 << 37
    while high - low > 1 {
      let middle = (low + high) / 2
      let fits =
        power == 2
        ? middle * middle <= UInt128(prime) << 64 : middle * middle * middle <= UInt128(prime) << 96
      if fits { low = middle } else { high = middle }
    }
    return UInt32(truncatingIfNeeded: low)
  }
  let constants = primes.prefix(64).map { rootFraction($0, power: 3) }
  var state = primes.prefix(8).map { rootFraction($0, power: 2) }
  func rotate(_ x: UInt32, _ n: UInt32) -> UInt32 { x >> n | x << (32 - n) }

  var padded = message + [0x80]
  while padded.count % 64 != 56 { padded.append(0) }
  let bitCount = UInt64(message.count) * 8
  for shift in stride(from: 56, through: 0, by: -8) {
    padded.append(UInt8(truncatingIfNeeded: bitCount >> UInt64(shift)))
  }

  for block in stride(from: 0, to: padded.count, by: 64) {
    var words = (0..<16).map { index in
      (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(padded[block + 4 * index + $1]) }
    }
    for index in 16..<64 {
      let a = words[index - 15]
      let b = words[index - 2]
      let s0 = rotate(a, 7) ^ rotate(a, 18) ^ a >> 3
      let s1 = rotate(b, 17) ^ rotate(b, 19) ^ b >> 10
      words.append(words[index - 16] &+ s0 &+ words[index - 7] &+ s1)
    }
    var v = state
    for index in 0..<64 {
      let sum1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)
      let choice = (v[4] & v[5]) ^ (~v[4] & v[6])
      let first = v[7] &+ sum1 &+ choice &+ constants[index] &+ words[index]
      let sum0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)
      let majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2])
      v = [first &+ sum0 &+ majority, v[0], v[1], v[2], v[3] &+ first, v[4], v[5], v[6]]
    }
    for index in 0..<8 { state[index] = state[index] &+ v[index] }
  }
  return state.map { word in
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }.joined()
}
