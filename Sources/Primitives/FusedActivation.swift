/// A function applied to each result of a step before it is stored.
public enum FusedActivation: Sendable, Hashable {
  case none
  /// x < 0 ? 0 : x, so that NaN stays NaN.
  case relu
  /// x < low ? low : x > high ? high : x, so that NaN stays NaN.
  case clip(low: Float, high: Float)

  public func callAsFunction(_ x: Float) -> Float {
    switch self {
    case .none: x
    case .relu: x < 0 ? 0 : x
    case .clip(let low, let high): x < low ? low : x > high ? high : x
    }
  }
}
