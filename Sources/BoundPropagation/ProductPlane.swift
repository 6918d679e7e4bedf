// A plane below or above the product x y over a box: cx x + cy y + t, any cx and cy, t proven.
//
// x y - cx x - cy y is bilinear, so its extremes are at the four corners (soundness.md 1.6). The planes interpolate
// McCormick's two: position 1 is the one through the corner (lower x, lower y), or (upper x, lower y) for the plane
// above, 0 the opposite one.

/// A plane that bounds a product from one side.
package struct ProductPlane: Equatable, Sendable {
  package var x: Double
  package var y: Double
  package var intercept: Double
  /// The corner that it touches.
  package var touchX: Double
  package var touchY: Double

  /// The plane of one position over [xl, xu] x [yl, yu].
  package init(
    _ xl: Double, _ xu: Double, _ yl: Double, _ yu: Double, isUpper: Bool, position: Double
  ) {
    // Below: y between yl and yu goes with x between xl and xu; above they go opposite ways.
    let cx = position * yl + (1 - position) * yu
    let cy = isUpper ? position * xu + (1 - position) * xl : position * xl + (1 - position) * xu
    self.init(x: cx, y: cy, over: xl, xu, yl, yu, isUpper: isUpper)
  }

  /// The best plane with given coefficients.
  package init(x cx: Double, y cy: Double, over xl: Double, _ xu: Double, _ yl: Double, _ yu: Double, isUpper: Bool) {
    x = cx
    y = cy
    touchX = xl
    touchY = yl
    intercept = isUpper ? -.infinity : .infinity
    for (a, b) in [(xl, yl), (xl, yu), (xu, yl), (xu, yu)] {
      let product = a * b
      let first = cx * a
      let second = cy * b
      let value = product - first - second
      let error = (abs(product) + abs(first) + abs(second)) * 0x1p-50 + 0x1p-1000
      let bound = isUpper ? (value + error).nextUp : (value - error).nextDown
      if isUpper ? !(bound <= intercept) : !(bound >= intercept) {
        intercept = bound
        touchX = a
        touchY = b
      }
    }
    if !intercept.isFinite {
      x = 0
      y = 0
      intercept = isUpper ? .infinity : -.infinity
    }
  }
}
