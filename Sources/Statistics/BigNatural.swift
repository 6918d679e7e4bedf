// Natural numbers of any size, for the exact rational arithmetic behind decimals and combinatorial thresholds.
//
// Little-endian 64-bit limbs; schoolbook product; division by Knuth's algorithm D (The Art of Computer Programming,
// volume 2, 4.3.1). The numbers here have a few hundred limbs at most, so nothing faster is needed.

/// A natural number of any size, exact.
package struct BigNatural: Sendable, Equatable, Comparable {
  /// Limbs, least significant first, without leading zeros (empty for zero).
  package private(set) var limbs: [UInt64]

  package init(_ value: UInt64) { limbs = value == 0 ? [] : [value] }

  init(limbs: [UInt64]) {
    self.limbs = limbs
    while self.limbs.last == 0 { self.limbs.removeLast() }
  }

  package static let zero = BigNatural(0)
  package static let one = BigNatural(1)

  package var isZero: Bool { limbs.isEmpty }

  /// The number of bits without leading zeros; 0 for zero.
  package var bitWidth: Int {
    guard let top = limbs.last else { return 0 }
    return 64 * limbs.count - top.leadingZeroBitCount
  }

  /// The value when it fits 64 bits.
  package var uint64: UInt64? { limbs.count > 1 ? nil : limbs.first ?? 0 }

  package static func < (left: BigNatural, right: BigNatural) -> Bool {
    if left.limbs.count != right.limbs.count { return left.limbs.count < right.limbs.count }
    for index in left.limbs.indices.reversed() where left.limbs[index] != right.limbs[index] {
      return left.limbs[index] < right.limbs[index]
    }
    return false
  }

  package static func + (left: BigNatural, right: BigNatural) -> BigNatural {
    let (long, short) = left.limbs.count >= right.limbs.count ? (left.limbs, right.limbs) : (right.limbs, left.limbs)
    var sum = long
    var carry: UInt64 = 0
    for index in sum.indices {
      if index >= short.count && carry == 0 { break }
      let (partial, first) = sum[index].addingReportingOverflow(index < short.count ? short[index] : 0)
      let (total, second) = partial.addingReportingOverflow(carry)
      sum[index] = total
      carry = (first ? 1 : 0) + (second ? 1 : 0)
    }
    if carry != 0 { sum.append(carry) }
    return BigNatural(limbs: sum)
  }

  /// The difference; `left` must not be smaller than `right`.
  package static func - (left: BigNatural, right: BigNatural) -> BigNatural {
    precondition(left >= right, "A natural number cannot be negative.")
    var difference = left.limbs
    var borrow: UInt64 = 0
    for index in difference.indices {
      if index >= right.limbs.count && borrow == 0 { break }
      let subtrahend = index < right.limbs.count ? right.limbs[index] : 0
      let (partial, first) = difference[index].subtractingReportingOverflow(subtrahend)
      let (total, second) = partial.subtractingReportingOverflow(borrow)
      difference[index] = total
      borrow = (first ? 1 : 0) + (second ? 1 : 0)
    }
    return BigNatural(limbs: difference)
  }

  package static func * (left: BigNatural, right: BigNatural) -> BigNatural {
    if left.isZero || right.isZero { return .zero }
    var product = [UInt64](repeating: 0, count: left.limbs.count + right.limbs.count)
    for (i, a) in left.limbs.enumerated() {
      var carry: UInt64 = 0
      for (j, b) in right.limbs.enumerated() {
        let sum = UInt128(a) * UInt128(b) + UInt128(product[i + j]) + UInt128(carry)
        product[i + j] = UInt64(truncatingIfNeeded: sum)
        carry = UInt64(truncatingIfNeeded: sum >> 64)
      }
      product[i + right.limbs.count] = carry
    }
    return BigNatural(limbs: product)
  }

  /// This number to a power; anything to the power 0 is 1.
  package func power(_ exponent: Int) -> BigNatural {
    var result = BigNatural.one
    var base = self
    var remaining = exponent
    while remaining > 0 {
      if remaining & 1 == 1 { result = result * base }
      remaining >>= 1
      if remaining > 0 { base = base * base }
    }
    return result
  }

  package static func << (value: BigNatural, shift: Int) -> BigNatural {
    if value.isZero { return value }
    let (words, bits) = shift.quotientAndRemainder(dividingBy: 64)
    var result = [UInt64](repeating: 0, count: words)
    var carry: UInt64 = 0
    for limb in value.limbs {
      result.append(limb << UInt64(bits) | carry)
      carry = bits == 0 ? 0 : limb >> UInt64(64 - bits)
    }
    result.append(carry)
    return BigNatural(limbs: result)
  }

  package static func >> (value: BigNatural, shift: Int) -> BigNatural {
    let (words, bits) = shift.quotientAndRemainder(dividingBy: 64)
    if words >= value.limbs.count { return .zero }
    var result: [UInt64] = []
    for index in words..<value.limbs.count {
      let above = index + 1 < value.limbs.count ? value.limbs[index + 1] : 0
      result.append(value.limbs[index] >> UInt64(bits) | (bits == 0 ? 0 : above << UInt64(64 - bits)))
    }
    return BigNatural(limbs: result)
  }

  /// Quotient and remainder by a single nonzero limb.
  package func quotientAndRemainder(dividingBy divisor: UInt64) -> (quotient: BigNatural, remainder: UInt64) {
    var quotient = limbs
    var remainder: UInt64 = 0
    for index in quotient.indices.reversed() {
      (quotient[index], remainder) = divisor.dividingFullWidth((remainder, quotient[index]))
    }
    return (BigNatural(limbs: quotient), remainder)
  }

  /// Floor of the quotient, and the remainder; the divisor must not be zero.
  package func quotientAndRemainder(dividingBy divisor: BigNatural) -> (quotient: BigNatural, remainder: BigNatural) {
    precondition(!divisor.isZero, "Division by zero.")
    if self < divisor { return (.zero, self) }
    if divisor.limbs.count == 1 {
      let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor.limbs[0])
      return (quotient, BigNatural(remainder))
    }
    let shift = divisor.limbs[divisor.limbs.count - 1].leadingZeroBitCount
    let scaledDivisor = (divisor << shift).limbs
    var rest = (self << shift).limbs
    let size = scaledDivisor.count
    while rest.count <= limbs.count { rest.append(0) }
    let digits = rest.count - size
    var quotient = [UInt64](repeating: 0, count: digits)
    let top = scaledDivisor[size - 1]
    for position in (0..<digits).reversed() {
      let head = UInt128(rest[position + size]) << 64 | UInt128(rest[position + size - 1])
      var digit = head / UInt128(top)
      var left = head % UInt128(top)
      while digit >> 64 != 0
        || digit * UInt128(scaledDivisor[size - 2]) > (left << 64 | UInt128(rest[position + size - 2]))
      {
        digit -= 1
        left += UInt128(top)
        if left >> 64 != 0 { break }
      }
      var borrow: UInt64 = 0
      var carry: UInt64 = 0
      for index in 0..<size {
        let product = digit * UInt128(scaledDivisor[index]) + UInt128(carry)
        carry = UInt64(truncatingIfNeeded: product >> 64)
        let (partial, first) = rest[position + index].subtractingReportingOverflow(UInt64(truncatingIfNeeded: product))
        let (total, second) = partial.subtractingReportingOverflow(borrow)
        rest[position + index] = total
        borrow = (first ? 1 : 0) + (second ? 1 : 0)
      }
      let (partial, first) = rest[position + size].subtractingReportingOverflow(carry)
      let (total, second) = partial.subtractingReportingOverflow(borrow)
      rest[position + size] = total
      if first || second {
        digit -= 1
        var carry: UInt64 = 0
        for index in 0..<size {
          let sum = UInt128(rest[position + index]) + UInt128(scaledDivisor[index]) + UInt128(carry)
          rest[position + index] = UInt64(truncatingIfNeeded: sum)
          carry = UInt64(truncatingIfNeeded: sum >> 64)
        }
        rest[position + size] = rest[position + size] &+ carry
      }
      quotient[position] = UInt64(truncatingIfNeeded: digit)
    }
    return (BigNatural(limbs: quotient), BigNatural(limbs: Array(rest[0..<size])) >> shift)
  }

  /// The decimal digits.
  package var decimalText: String {
    if isZero { return "0" }
    var groups: [UInt64] = []
    var value = self
    while !value.isZero {
      let (quotient, remainder) = value.quotientAndRemainder(dividingBy: 10_000_000_000_000_000_000 as UInt64)
      groups.append(remainder)
      value = quotient
    }
    var text = String(groups.removeLast())
    for group in groups.reversed() {
      let digits = String(group)
      text += String(repeating: "0", count: 19 - digits.count) + digits
    }
    return text
  }
}
