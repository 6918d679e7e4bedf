// Correctly rounded conversion of decimals to binary64, in every direction.
//
// Three ways, the first that applies: one division or product of exact doubles whose error fma tells exactly; 128-bit
// integers; big natural numbers. Files of properties hold tens of thousands of numbers of the first two kinds.

extension ExactDecimal {
  /// The largest binary64 number that is not above the value.
  public var roundedDown: Double { isNegative ? -roundedMagnitude.up : roundedMagnitude.down }

  /// The smallest binary64 number that is not below the value.
  public var roundedUp: Double { isNegative ? -roundedMagnitude.down : roundedMagnitude.up }

  /// The nearest binary64 number.
  public var nearest: Double { isNegative ? -roundedMagnitude.nearest : roundedMagnitude.nearest }

  private var roundedMagnitude: (down: Double, nearest: Double, up: Double) {
    if longCoefficient == nil {
      if shortCoefficient <= 1 << 53 && abs(exponent) <= 22 { return roundedByDoubles }
      if (-27)..<0 ~= exponent { return roundedBy128Bits }
    }
    let ratio = magnitudeRatio
    return (ratio.roundedDown, ratio.nearest, ratio.roundedUp)
  }

  /// For a coefficient up to 2^53 and a power of ten up to 10^22, both exact in binary64.
  private var roundedByDoubles: (down: Double, nearest: Double, up: Double) {
    let number = Double(shortCoefficient)
    let power = ExactDecimal.powersOfTen[abs(exponent)]
    let result = exponent < 0 ? number / power : number * power
    // The exact value minus the result, times `power` for a quotient: fma rounds once, so the sign is right.
    let rest = exponent < 0 ? number.addingProduct(-result, power) : (-result).addingProduct(number, power)
    if rest == 0 { return (result, result, result) }
    return rest > 0 ? (result, result, result.nextUp) : (result.nextDown, result, result)
  }

  /// For a coefficient below 2^64 and exponents from -27 to -1: c 10^-k = (c / 5^k) 2^-k, with 5^k < 2^63.
  private var roundedBy128Bits: (down: Double, nearest: Double, up: Double) {
    var divisor: UInt64 = 1
    for _ in 0..<(-exponent) { divisor *= 5 }
    let shift = 64 + shortCoefficient.leadingZeroBitCount
    let numerator = UInt128(shortCoefficient) << UInt128(shift)
    // The numerator has 128 bits, so the quotient has at least 65.
    let (quotient, remainder) = numerator.quotientAndRemainder(dividingBy: UInt128(divisor))
    let dropped = 128 - quotient.leadingZeroBitCount - 53
    let kept = UInt64(truncatingIfNeeded: quotient >> UInt128(dropped))
    let lost = quotient & ((1 << UInt128(dropped)) - 1)
    let half = UInt128(1) << UInt128(dropped - 1)
    let down = Double(sign: .plus, exponent: dropped - shift + exponent, significand: Double(kept))
    if lost == 0 && remainder == 0 { return (down, down, down) }
    let up = down.nextUp
    let isTie = lost == half && remainder == 0
    return (down, (isTie ? kept & 1 == 1 : lost >= half) ? up : down, up)
  }

  /// 10^0 to 10^22, the powers of ten that binary64 holds exactly.
  private static let powersOfTen: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
  ]
}
