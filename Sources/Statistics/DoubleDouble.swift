// Arithmetic with about 106 bits: a number is the unevaluated sum of two binary64 numbers.
//
// The algorithms and their relative error bounds are those of Joldes, Muller, Popescu 2017, "Tight and rigorous error
// bounds for basic building blocks of double-word arithmetic" (u = 2^-53): sum 3 u^2, product 4 u^2, product with a
// binary64 number 2 u^2, quotient 9.8 u^2, quotient by a binary64 number 3 u^2, in the absence of underflow.

/// A number `high + low` with |low| at most half an ulp of `high`.
package struct DoubleDouble: Sendable, Equatable {
  package var high: Double
  package var low: Double

  @inline(__always)
  package init(high: Double, low: Double) {
    self.high = high
    self.low = low
  }

  @inline(__always)
  package init(_ value: Double) { self.init(high: value, low: 0) }

  package static let zero = DoubleDouble(0)
  package static let one = DoubleDouble(1)

  /// The exact sum of two binary64 numbers.
  @inline(__always)
  package static func exactSum(_ a: Double, _ b: Double) -> DoubleDouble {
    let sum = a + b
    let bPart = sum - a
    return DoubleDouble(high: sum, low: (a - (sum - bPart)) + (b - bPart))
  }

  /// The exact sum when |a| >= |b| or a = 0.
  @inline(__always)
  private static func exactSum(larger a: Double, smaller b: Double) -> DoubleDouble {
    let sum = a + b
    return DoubleDouble(high: sum, low: b - (sum - a))
  }

  /// The exact product of two binary64 numbers (barring underflow).
  @inline(__always)
  package static func exactProduct(_ a: Double, _ b: Double) -> DoubleDouble {
    let product = a * b
    return DoubleDouble(high: product, low: (-product).addingProduct(a, b))
  }

  @inline(__always)
  package static prefix func - (value: DoubleDouble) -> DoubleDouble {
    DoubleDouble(high: -value.high, low: -value.low)
  }

  @inline(__always)
  package static func + (x: DoubleDouble, y: DoubleDouble) -> DoubleDouble {
    let s = exactSum(x.high, y.high)
    let t = exactSum(x.low, y.low)
    let v = exactSum(larger: s.high, smaller: s.low + t.high)
    return exactSum(larger: v.high, smaller: t.low + v.low)
  }

  @inline(__always)
  package static func + (x: DoubleDouble, y: Double) -> DoubleDouble {
    let s = exactSum(x.high, y)
    return exactSum(larger: s.high, smaller: x.low + s.low)
  }

  @inline(__always)
  package static func - (x: DoubleDouble, y: DoubleDouble) -> DoubleDouble { x + (-y) }

  @inline(__always)
  package static func - (x: DoubleDouble, y: Double) -> DoubleDouble { x + (-y) }

  @inline(__always)
  package static func * (x: DoubleDouble, y: DoubleDouble) -> DoubleDouble {
    let c = exactProduct(x.high, y.high)
    let cross = (x.low * y.low).addingProduct(x.high, y.low).addingProduct(x.low, y.high)
    return exactSum(larger: c.high, smaller: c.low + cross)
  }

  @inline(__always)
  package static func * (x: DoubleDouble, y: Double) -> DoubleDouble {
    let c = exactProduct(x.high, y)
    return exactSum(larger: c.high, smaller: c.low.addingProduct(x.low, y))
  }

  @inline(__always)
  package static func / (x: DoubleDouble, y: Double) -> DoubleDouble {
    let quotient = x.high / y
    let back = exactProduct(quotient, y)
    let rest = ((x.high - back.high) - back.low) + x.low
    return exactSum(larger: quotient, smaller: rest / y)
  }

  @inline(__always)
  package static func / (x: DoubleDouble, y: DoubleDouble) -> DoubleDouble {
    let quotient = x.high / y.high
    let back = y * quotient
    let rest = (x.high - back.high) + (x.low - back.low)
    return exactSum(larger: quotient, smaller: rest / y.high)
  }

  /// The value times 2^power, exact while nothing underflows.
  package func scaled(by power: Int) -> DoubleDouble {
    DoubleDouble(
      high: Double(sign: .plus, exponent: power, significand: high),
      low: Double(sign: .plus, exponent: power, significand: low))
  }

  /// The smallest binary64 number that is not below the value.
  package var ceiling: Double { low > 0 ? high.nextUp : high }

  /// The largest binary64 number that is not above the value.
  package var floor: Double { low < 0 ? high.nextDown : high }

  package static func < (x: DoubleDouble, y: DoubleDouble) -> Bool {
    x.high < y.high || (x.high == y.high && x.low < y.low)
  }
}

/// A nonnegative number `mantissa` times 2^`exponent`, so that probabilities far below 1e-308 keep their digits.
package struct ScaledDoubleDouble: Sendable {
  package var mantissa: DoubleDouble
  package var exponent: Int

  package init(mantissa: DoubleDouble, exponent: Int) {
    self.mantissa = mantissa
    self.exponent = exponent
  }

  /// The value of a binary64 number, with the mantissa near 1.
  package init(_ value: Double) {
    self.init(DoubleDouble(value))
  }

  package init(_ value: DoubleDouble) {
    let exponent = value.high == 0 || !value.high.isFinite ? 0 : Int(value.high.exponent)
    self.init(mantissa: value.scaled(by: -exponent), exponent: exponent)
  }

  /// The plain value; digits are lost where it underflows.
  package var doubleDouble: DoubleDouble { mantissa.scaled(by: exponent) }

  package static func * (x: ScaledDoubleDouble, y: DoubleDouble) -> ScaledDoubleDouble {
    ScaledDoubleDouble(mantissa: x.mantissa * y, exponent: x.exponent)
  }

  /// A binary64 number that is not below any value within the relative error 2^-60 of this one.
  package var roundedUp: Double {
    let padded = (mantissa + mantissa * 0x1p-59).ceiling
    let result = Double(sign: .plus, exponent: exponent, significand: padded)
    // Scaling into the subnormal range rounds to nearest; one step up makes it a bound again.
    return result < 0x1p-1021 && padded > 0 ? result.nextUp : result
  }

  /// A binary64 number that is not above any value within the relative error 2^-60 of this one.
  package var roundedDown: Double {
    let padded = (mantissa - mantissa * 0x1p-59).floor
    let result = Double(sign: .plus, exponent: exponent, significand: padded)
    return result < 0x1p-1021 ? max(0, result.nextDown) : result
  }

  /// The nearest binary64 number up to an error of 2^-59 relative.
  package var nearest: Double { Double(sign: .plus, exponent: exponent, significand: mantissa.high) }
}
