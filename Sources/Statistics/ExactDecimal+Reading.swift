// Reading decimals with a sign, from text and from the bytes of large files.

extension ExactDecimal {
  /// Reads a decimal that may begin with "-" or "+"; nil for anything that is not one, for more than 400 digits and for
  /// an exponent beyond 9,999.
  public init?(signed text: String) {
    var text = text
    guard let decimal = text.withUTF8({ ExactDecimal(ascii: $0) }) else { return nil }
    self = decimal
  }

  /// The same from ASCII bytes, at a few nanoseconds a digit.
  package init?(ascii bytes: UnsafeBufferPointer<UInt8>) {
    var position = 0
    var isNegative = false
    if let first = bytes.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
      isNegative = first == UInt8(ascii: "-")
      position = 1
    }
    let start = position
    var coefficient: UInt64 = 0
    var fits = true
    var digitCount = 0
    var point: Int?
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "."), point == nil {
        point = position
      } else if byte &- 48 < 10 {
        digitCount += 1
        if fits {
          let (scaled, first) = coefficient.multipliedReportingOverflow(by: 10)
          let (sum, second) = scaled.addingReportingOverflow(UInt64(byte &- 48))
          fits = !first && !second
          coefficient = sum
        }
      } else {
        break
      }
      position += 1
    }
    guard digitCount > 0, digitCount <= 400 else { return nil }
    let end = position
    let fractionLength = point.map { end - $0 - 1 } ?? 0
    guard let power = ExactDecimal.exponent(in: UnsafeBufferPointer(rebasing: bytes[end...])) else { return nil }
    if fits {
      self.init(isNegative: isNegative, coefficient: coefficient, exponent: power - fractionLength)
    } else {
      let digits = String(decoding: bytes[start..<end].filter { $0 != UInt8(ascii: ".") }, as: UTF8.self)
      self.init(isNegative: isNegative, digits: digits, exponent: power - fractionLength)
    }
  }

  /// The exponent that the bytes after the digits write: 0 for none, nil for anything else.
  private static func exponent(in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    guard let letter = bytes.first else { return 0 }
    guard letter == UInt8(ascii: "e") || letter == UInt8(ascii: "E") else { return nil }
    let hasSign = bytes.count > 1 && (bytes[1] == UInt8(ascii: "-") || bytes[1] == UInt8(ascii: "+"))
    let digits = bytes[(hasSign ? 2 : 1)...]
    guard !digits.isEmpty, digits.count <= 4, digits.allSatisfy({ $0 &- 48 < 10 }) else { return nil }
    let magnitude = digits.reduce(0) { 10 * $0 + Int($1 - 48) }
    return hasSign && bytes[1] == UInt8(ascii: "-") ? -magnitude : magnitude
  }

  /// The exact value of a finite binary number; nil for infinity and NaN.
  public init?(exactly value: Double) {
    guard value.isFinite else { return nil }
    if value == 0 {
      self.init(0)
      return
    }
    // |value| = significand 2^exponent, and 2^-k = 5^k 10^-k.
    let trailing = (value.significand * 0x1p52)
    let whole = UInt64(trailing)
    let zeros = whole.trailingZeroBitCount
    let power = Int(value.exponent) - 52 + zeros
    let significand = BigNatural(whole >> UInt64(zeros))
    if power >= 0 {
      self.init(isNegative: value < 0, coefficient: significand << power, exponent: 0)
    } else {
      self.init(isNegative: value < 0, coefficient: significand * BigNatural(5).power(-power), exponent: power)
    }
  }

  /// The smallest decimal with `digits` digits after the point that is not below numerator / denominator, which must
  /// not be negative; the quotient itself where it has no more digits.
  public init(roundingUp numerator: Int, over denominator: Int, digits: Int) {
    precondition(numerator >= 0 && denominator > 0 && digits >= 0)
    let scaled = BigNatural(UInt64(numerator)) * BigNatural(10).power(digits)
    let (quotient, remainder) = scaled.quotientAndRemainder(dividingBy: UInt64(denominator))
    self.init(isNegative: false, coefficient: remainder == 0 ? quotient : quotient + .one, exponent: -digits)
  }
}
