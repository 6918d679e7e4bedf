// Exponential, logarithm and log-gamma with about 100 bits.
//
// Error bounds used elsewhere (all far inside the 2^-60 that `ScaledDoubleDouble.roundedUp` allows for):
//   exp    relative 2^-94 for |x| <= 745 and (|x| + 1) 2^-104 beyond: reduction by k ln 2, 2^-8 scaling, Taylor
//          polynomial of degree 12 for exp - 1 (remainder below 2^-135), eight doublings s <- 2 s + s^2;
//   log    absolute 2^-99 for mantissas near 1, plus |exponent| 2^-105: one Newton step on exp from binary64;
//   log-gamma   absolute (x ln x + 1) 2^-100: Stirling's series from x >= 40, whose error is below its first omitted
//          term 13.41 x^-21 < 2^-107 (DLMF 5.11.ii), recurrence below.
// Checked against 60-digit arithmetic on random grids.

import Glibc

extension DoubleDouble {
  /// ln 2.
  static let logTwo = DoubleDouble(high: 0x1.62e42fefa39efp-1, low: 0x1.abc9e3b39803fp-56)
  /// ln(2 pi) / 2.
  static let halfLogTwoPi = DoubleDouble(high: 0x1.d67f1c864beb5p-1, low: -0x1.65b5a1b7ff5dfp-55)
  /// 1 / sqrt(2 pi).
  static let inverseRootTwoPi = DoubleDouble(high: 0x1.9884533d43651p-2, low: -0x1.cbc0d30ebfd15p-56)

  /// e^x - 1 for |x| <= 0.36, relative error below 2^-98.
  private static func smallExponentialMinusOne(_ x: DoubleDouble) -> DoubleDouble {
    let reduced = x.scaled(by: -8)
    var sum = reduced / 12 + 1
    for divisor in stride(from: 11.0, through: 2.0, by: -1) { sum = sum * (reduced / divisor) + 1 }
    var result = sum * reduced
    for _ in 0..<8 { result = result.scaled(by: 1) + result * result }
    return result
  }

  /// e^x with its binary exponent apart, so that nothing overflows or underflows for |x| up to 10^9.
  package static func exponential(_ x: DoubleDouble) -> ScaledDoubleDouble {
    let multiple = (x.high / logTwo.high).rounded()
    let rest = x - logTwo * multiple
    return ScaledDoubleDouble(mantissa: smallExponentialMinusOne(rest) + 1, exponent: Int(multiple))
  }

  /// e^x - 1 without cancellation near 0.
  package static func exponentialMinusOne(_ x: DoubleDouble) -> DoubleDouble {
    abs(x.high) <= 0.34 ? smallExponentialMinusOne(x) : exponential(x).doubleDouble - 1
  }

  /// ln x for x > 0.
  package static func logarithm(_ x: ScaledDoubleDouble) -> DoubleDouble {
    let shift = Int(x.mantissa.high.exponent)
    let near = x.mantissa.scaled(by: -shift)
    let guess = Glibc.log(near.high)
    // near e^-guess = 1 + t with |t| < 2^-50; ln(1 + t) = t - t^2/2 up to 2^-151.
    let inverse = exponential(DoubleDouble(-guess))
    let t = near * inverse.doubleDouble - 1
    let correction = t - (t * t).scaled(by: -1)
    return logTwo * Double(x.exponent + shift) + (correction + guess)
  }

  /// ln x for x > 0.
  package static func logarithm(_ x: DoubleDouble) -> DoubleDouble { logarithm(ScaledDoubleDouble(x)) }

  /// B_2k / (2k (2k - 1)) for k = 1 ... 10.
  private static let stirlingCoefficients: [DoubleDouble] = [
    DoubleDouble(high: 0x1.5555555555555p-4, low: 0x1.5555555555555p-58),
    DoubleDouble(high: -0x1.6c16c16c16c17p-9, low: 0x1.f49f49f49f49fp-64),
    DoubleDouble(high: 0x1.a01a01a01a01ap-11, low: 0x1.a01a01a01a01ap-71),
    DoubleDouble(high: -0x1.3813813813814p-11, low: 0x1.fb1fb1fb1fb20p-65),
    DoubleDouble(high: 0x1.b951e2b18ff23p-11, low: 0x1.5c3a9ce01b952p-65),
    DoubleDouble(high: -0x1.f6ab0d9993c7dp-10, low: 0x1.f82553c999b0ep-64),
    DoubleDouble(high: 0x1.a41a41a41a41ap-8, low: 0x1.0690690690690p-62),
    DoubleDouble(high: -0x1.e4286cb0f5398p-6, low: 0x1.1efcdab896745p-61),
    DoubleDouble(high: 0x1.6fe96381e0680p-3, low: -0x1.79e2405a71f88p-61),
    DoubleDouble(high: -0x1.6476701181f3ap+0, low: 0x1.24246319da678p-56),
  ]

  /// ln Gamma(x) for x > 0 exactly representable (here integers and half integers).
  package static func logGamma(_ x: Double) -> DoubleDouble {
    if x < 40 {
      var product = DoubleDouble.one
      var argument = x
      while argument < 40 {
        product = product * argument
        argument += 1
      }
      return logGamma(argument) - logarithm(product)
    }
    let inverse = DoubleDouble.one / x
    let square = inverse * inverse
    var series = stirlingCoefficients[9]
    for index in (0..<9).reversed() { series = series * square + stirlingCoefficients[index] }
    return logarithm(DoubleDouble(x)) * (x - 0.5) - x + halfLogTwoPi + series * inverse
  }

  /// ln n! for n >= 0.
  package static func logFactorial(_ n: Int) -> DoubleDouble { n < 2 ? .zero : logGamma(Double(n) + 1) }
}
