// The standard normal distribution function and its inverse with directed rounding.
//
//   Phi(x) = (1/sqrt(2 pi)) times the integral of exp(-t^2/2) up to x.
// Everything is computed with about 100 bits (`Normal+Kernels.swift`): relative error below 2^-70, declared 2^-60, then
// rounded once to binary64 in the stated direction. So a directed result differs from the correctly rounded one by at
// most one unit in the last place, and only when the exact value lies within 2^-59 (relative) of a binary64 number.

/// The standard normal distribution.
public enum Normal {
  /// Phi(x) to nearest (relative error at most 2^-53 + 2^-59); nan for nan.
  public static func cumulative(_ x: Double) -> Double {
    x.isNaN ? .nan : cumulativeProbability(clamped(x)).nearest
  }

  /// A lower bound for Phi(x): never above it, within 2^-52 + 2^-58 relative below it. nan gives 0.
  public static func cumulativeLower(_ x: Double) -> Double {
    if x.isNaN || x == -.infinity { return 0 }
    return min(1, max(0, cumulativeProbability(clamped(x)).roundedDown))
  }

  /// An upper bound for Phi(x): never below it, within 2^-52 + 2^-58 relative above it, at most 1. nan gives 1.
  public static func cumulativeUpper(_ x: Double) -> Double {
    if x.isNaN { return 1 }
    if x == -.infinity { return 0 }
    return min(1, cumulativeProbability(clamped(x)).roundedUp)
  }

  /// PhiInv(p) to nearest (relative error at most 2^-53 + 2^-59) for the binary64 number p.
  ///
  /// 0 gives minus infinity, 1 infinity, anything else outside (0, 1) nan. Accurate for every p down to 5e-324.
  public static func quantile(_ p: Double) -> Double {
    guard let x = quantileValue(p) else { return p == 0 ? -.infinity : p == 1 ? .infinity : .nan }
    return x.high
  }

  /// A lower bound for PhiInv(p), within 2^-52 + 2^-58 relative. nan or anything outside (0, 1] gives minus infinity.
  public static func quantileLower(_ p: Double) -> Double {
    guard let x = quantileValue(p) else { return p == 1 ? .greatestFiniteMagnitude : -.infinity }
    return outward(x).lower
  }

  /// An upper bound for PhiInv(p), within 2^-52 + 2^-58 relative. nan or anything outside [0, 1) gives infinity.
  public static func quantileUpper(_ p: Double) -> Double {
    guard let x = quantileValue(p) else { return p == 0 ? -.greatestFiniteMagnitude : .infinity }
    return outward(x).upper
  }

  /// A lower bound for PhiInv of an exact decimal in (0, 1); minus infinity outside.
  public static func quantileLower(_ p: ExactDecimal) -> Double {
    guard let x = quantileValue(p.ratio) else { return -.infinity }
    return outward(x).lower
  }

  /// An upper bound for PhiInv of an exact decimal in (0, 1); infinity outside.
  public static func quantileUpper(_ p: ExactDecimal) -> Double {
    guard let x = quantileValue(p.ratio) else { return .infinity }
    return outward(x).upper
  }

  /// Beyond 10^6 every tail is far below the smallest binary64 number, so larger arguments give the same bounds.
  private static func clamped(_ x: Double) -> Double { min(max(x, -1e6), 1e6) }

  /// Binary64 bounds around every value within the relative error 2^-60 of `x`.
  static func outward(_ x: DoubleDouble) -> (lower: Double, upper: Double) {
    let margin = DoubleDouble(abs(x.high) * 0x1p-59)
    return ((x - margin).floor, (x + margin).ceiling)
  }

  private static func quantileValue(_ p: Double) -> DoubleDouble? {
    guard p > 0, p < 1 else { return nil }
    return quantile(of: DoubleDouble(p), orTail: ScaledDoubleDouble(p))
  }

  private static func quantileValue(_ p: ExactRatio) -> DoubleDouble? {
    guard !p.numerator.isZero, p.numerator < p.denominator else { return nil }
    let half = ExactRatio(1, over: 2)
    let fromHalf = p.distance(to: half)
    let isLow = p < half
    if fromHalf < ExactRatio(1, over: 4) {
      let x = centralQuantile(fromHalf.doubleDouble)
      return isLow ? -x : x
    }
    let tail = (isLow ? p : p.distance(to: ExactRatio(1, over: 1))).scaledDoubleDouble
    let x = tailQuantile(tail)
    return isLow ? -x : x
  }

  /// PhiInv(p) for 0 < p < 1; `tail` is the same number with its exponent apart, for p below 1e-290.
  private static func quantile(of p: DoubleDouble, orTail tail: ScaledDoubleDouble) -> DoubleDouble {
    let fromHalf = p - 0.5
    if abs(fromHalf.high) < 0.25 {
      return fromHalf.high < 0 ? -centralQuantile(-fromHalf) : centralQuantile(fromHalf)
    }
    if fromHalf.high < 0 { return -tailQuantile(tail) }
    return tailQuantile(ScaledDoubleDouble(-(p - 1)))
  }
}
