// The errors of this module.

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
