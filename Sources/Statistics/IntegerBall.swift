// The integer form of an L2 certificate: every X' in {0..255}^d with sum (X' - X)^2 <= D, D = floor((255 r)^2).

/// The squared radius, in pixel steps, of the ball that a certificate covers.
public enum IntegerBall {
  /// floor((255 r)^2), exact; nil when r is nan, negative or so large that D exceeds 2^63 - 1.
  public static func squaredRadius(_ radius: Double) -> Int? { ExactRatio(radius).flatMap(squaredRadius) }

  /// floor((255 r)^2) of a declared radius, exact.
  public static func squaredRadius(_ radius: ExactDecimal) -> Int? { squaredRadius(radius.ratio) }

  private static func squaredRadius(_ radius: ExactRatio) -> Int? {
    let steps = radius * ExactRatio(255, over: 1)
    return (steps * steps).floor.uint64.flatMap(Int.init(exactly:))
  }
}
