// Decimal numbers as people write them: "0.12", "1e-3", "2". A noise level, an error level or a radius is the exact
// rational that the text names, never the nearest binary number.

/// A nonnegative decimal number, exact: coefficient times a power of ten.
///
/// Two decimals are equal when their values are: "1.0", "1" and "10e-1" are the same number with the same `text`.
public struct ExactDecimal: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// Digits of the coefficient without leading or trailing zeros; "0" for zero.
  private let digits: String
  /// The power of ten that multiplies the coefficient; 0 for zero.
  private let exponent: Int

  /// Reads a decimal: digits with an optional point and an optional exponent.
  ///
  /// - Throws: `StatisticsError.notADecimal` for anything else, a sign included (these quantities are never negative),
  ///   and for more than 400 digits or an exponent beyond 9,999.
  public init(_ text: String) throws(StatisticsError) {
    guard let decimal = ExactDecimal(parsing: text) else { throw .notADecimal(text) }
    self = decimal
  }

  /// The decimal of a nonnegative integer.
  public init(_ value: Int) {
    precondition(value >= 0, "An exact decimal is not negative.")
    self.init(digits: String(value), exponent: 0)
  }

  private init(digits: String, exponent: Int) {
    var kept = Substring(digits).drop { $0 == "0" }
    var power = exponent
    while kept.last == "0" {
      kept.removeLast()
      power += 1
    }
    self.digits = kept.isEmpty ? "0" : String(kept)
    self.exponent = kept.isEmpty ? 0 : power
  }

  private init?(parsing text: String) {
    var digits = ""
    var fractionLength: Int?
    var rest = Substring(text)
    while let character = rest.first {
      if character == "." && fractionLength == nil {
        fractionLength = 0
      } else if let digit = character.wholeNumberValue, character.isASCII {
        digits += String(digit)
        if let length = fractionLength { fractionLength = length + 1 }
      } else {
        break
      }
      rest.removeFirst()
    }
    guard !digits.isEmpty, digits.count <= 400 else { return nil }
    var power = 0
    if let letter = rest.first {
      guard letter == "e" || letter == "E" else { return nil }
      rest.removeFirst()
      let isNegative = rest.first == "-"
      if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
      guard !rest.isEmpty, rest.count <= 4, rest.allSatisfy({ $0.isASCII && $0.isWholeNumber }),
        let magnitude = Int(rest)
      else { return nil }
      power = isNegative ? -magnitude : magnitude
    }
    self.init(digits: digits, exponent: power - (fractionLength ?? 0))
  }

  /// The one text of this value: plain digits from 1e-18 up to 1e18, else the form "12e-30".
  ///
  /// It parses back to the same number and is what a noise law or a certificate hashes.
  public var text: String {
    if digits == "0" { return "0" }
    if exponent >= 0 {
      return digits.count + exponent <= 19
        ? digits + String(repeating: "0", count: exponent) : "\(digits)e\(exponent)"
    }
    if -exponent > 18 + digits.count || digits.count > 40 { return "\(digits)e\(exponent)" }
    let padded =
      digits.count > -exponent ? digits : String(repeating: "0", count: -exponent - digits.count + 1) + digits
    return "\(padded.dropLast(-exponent)).\(padded.suffix(-exponent))"
  }

  public var description: String { text }

  /// Whether the value is 0.
  public var isZero: Bool { digits == "0" }

  /// The exact value.
  package var ratio: ExactRatio {
    var coefficient = BigNatural.zero
    for byte in digits.utf8 { coefficient = coefficient * BigNatural(10) + BigNatural(UInt64(byte - 48)) }
    let power = BigNatural(10).power(abs(exponent))
    return exponent >= 0 ? ExactRatio(coefficient * power) : ExactRatio(coefficient, over: power)
  }

  public static func < (left: ExactDecimal, right: ExactDecimal) -> Bool { left.ratio < right.ratio }

  /// The largest binary64 number that is not above the value.
  public var roundedDown: Double { ratio.roundedDown }

  /// The smallest binary64 number that is not below the value.
  public var roundedUp: Double { ratio.roundedUp }

  /// The nearest binary64 number.
  public var nearest: Double { ratio.nearest }
}

/// What a caller asked for that the statistics cannot give; every text says what to do instead.
public enum StatisticsError: Error, Sendable, Equatable, CustomStringConvertible {
  case notADecimal(String)
  case sigmaOutOfRange(String)
  case alphaOutOfRange(String)
  case invalidSchedule(String)
  case radiiNotIncreasing
  case impossibleCount(successes: Int, trials: Int)
  case lookOutOfOrder(Int)
  case cannotCertify(radius: String, trials: Int, needed: Int?)

  public var description: String {
    switch self {
    case .notADecimal(let text):
      return "\"\(text)\" is not a nonnegative decimal number; write it like 0.25 or 1e-3."
    case .sigmaOutOfRange(let text):
      return
        "The noise level \(text) is outside 0.001...20. Sigma is measured in units of the pixel range [0, 1]: "
        + "a level of 64 on the 0..255 scale is sigma 0.25."
    case .alphaOutOfRange(let text):
      return "The error level \(text) must lie strictly between 0 (at least 1e-200) and 1; the usual choice is 0.001."
    case .invalidSchedule(let reason):
      return "The sampling schedule cannot be used: \(reason)"
    case .radiiNotIncreasing:
      return "The declared radii must be positive and strictly increasing; sort them and drop duplicates."
    case .impossibleCount(let successes, let trials):
      return "\(successes) successes in \(trials) trials is impossible; the votes of this look are damaged."
    case .lookOutOfOrder(let look):
      return "Look \(look) does not come after the looks already used or does not exist; looks go in order, once each."
    case .cannotCertify(let radius, let trials, let needed):
      let advice =
        needed.map { "use at least \($0) samples, a smaller radius or a larger sigma." }
        ?? "use a smaller radius or a larger sigma."
      return "Radius \(radius) cannot be certified with \(trials) samples even if every vote agrees; \(advice)"
    }
  }
}
