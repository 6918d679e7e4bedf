// Nonnegative fixed-point numbers with 256 fraction bits, for tables that must be right to the last of their 64 bits.

/// A number below 2^128 with 256 bits after the point; products are truncated, with an error below 8 units of 2^-256.
struct FixedPoint {
  /// Limbs, least significant first: four of fraction, two of integer part.
  var limbs: InlineArray<6, UInt64>

  static let zero = FixedPoint(limbs: InlineArray(repeating: 0))

  /// The fraction with the given limbs, most significant first.
  init(fraction first: UInt64, _ second: UInt64, _ third: UInt64, _ fourth: UInt64) {
    limbs = [fourth, third, second, first, 0, 0]
  }

  private init(limbs: InlineArray<6, UInt64>) { self.limbs = limbs }

  /// The largest fixed-point number that is not above a ratio below 2^128.
  init(roundingDown ratio: ExactRatio) {
    self = .zero
    let scaled = ExactRatio(ratio.numerator << 256, over: ratio.denominator).floor
    precondition(scaled.limbs.count <= 6, "The ratio does not fit the fixed-point range.")
    for (index, limb) in scaled.limbs.enumerated() { limbs[index] = limb }
  }

  var isZero: Bool { limbs[0] | limbs[1] | limbs[2] | limbs[3] | limbs[4] | limbs[5] == 0 }

  mutating func add(_ other: FixedPoint) {
    var carry: UInt64 = 0
    for index in 0..<6 {
      let (partial, first) = limbs[index].addingReportingOverflow(other.limbs[index])
      let (total, second) = partial.addingReportingOverflow(carry)
      limbs[index] = total
      carry = (first ? 1 : 0) &+ (second ? 1 : 0)
    }
  }

  /// Subtracts a number that is not larger.
  mutating func subtract(_ other: FixedPoint) {
    var borrow: UInt64 = 0
    for index in 0..<6 {
      let (partial, first) = limbs[index].subtractingReportingOverflow(other.limbs[index])
      let (total, second) = partial.subtractingReportingOverflow(borrow)
      limbs[index] = total
      borrow = (first ? 1 : 0) &+ (second ? 1 : 0)
    }
  }

  func multiplied(by factor: UInt64) -> FixedPoint {
    var result = FixedPoint.zero
    var carry: UInt64 = 0
    for index in 0..<6 {
      let product = limbs[index].multipliedFullWidth(by: factor)
      let (low, overflow) = product.low.addingReportingOverflow(carry)
      result.limbs[index] = low
      carry = product.high &+ (overflow ? 1 : 0)
    }
    return result
  }

  func divided(by divisor: UInt64) -> FixedPoint {
    var result = FixedPoint.zero
    var remainder: UInt64 = 0
    for index in (0..<6).reversed() where limbs[index] | remainder != 0 {
      (result.limbs[index], remainder) = divisor.dividingFullWidth((remainder, limbs[index]))
    }
    return result
  }

  /// The product, which must stay below 2^128.
  func multiplied(by other: FixedPoint) -> FixedPoint {
    var product: InlineArray<12, UInt64> = InlineArray(repeating: 0)
    for i in 0..<6 where limbs[i] != 0 {
      var carry: UInt64 = 0
      // Products of limbs i + j < 3 lie wholly below 2^-256.
      for j in max(0, 3 - i)..<6 {
        let full = limbs[i].multipliedFullWidth(by: other.limbs[j])
        let (first, firstOverflow) = full.low.addingReportingOverflow(product[i + j])
        let (second, secondOverflow) = first.addingReportingOverflow(carry)
        product[i + j] = second
        carry = full.high &+ (firstOverflow ? 1 : 0) &+ (secondOverflow ? 1 : 0)
      }
      product[i + 6] = carry
    }
    var result = FixedPoint.zero
    for index in 0..<6 { result.limbs[index] = product[index + 4] }
    return result
  }
}
