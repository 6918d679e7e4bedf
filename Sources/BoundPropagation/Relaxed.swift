// The functions or products of one layer with the bounds of their operands: which lines and planes there are.

import Networks

/// A layer of functions or products with the bounds of its operands.
struct Relaxed {
  let function: ElementaryFunction?
  let isProduct: Bool
  let left: Int
  let right: Int
  private let lower: UnsafeMutablePointer<Double>
  private let upper: UnsafeMutablePointer<Double>

  struct Choice {
    var slope: Double
    var intercept: Double
    var second = 0.0
    var position: Double
    var touch: Double
    var secondTouch = 0.0
    var rate: Double
  }

  /// Bounds of one part.
  init(_ layer: Network.Layer, _ own: PartBounds) {
    lower = own.bounds.lower
    upper = own.bounds.upper
    switch layer.relation {
    case .function(let function, let of):
      self.function = function
      left = own.plan.network.layers[of].neurons.lowerBound
      right = left
      isProduct = false
    case .product(let x, let y):
      function = x == y ? .power(2) : nil
      left = own.plan.network.layers[x].neurons.lowerBound
      right = own.plan.network.layers[y].neurons.lowerBound
      isProduct = x != y
    default:
      function = nil
      left = 0
      right = 0
      isProduct = false
    }
  }

  var isRelaxed: Bool { function != nil || isProduct }

  /// False for ReLUs of fixed sign.
  func isAdjustable(_ j: Int) -> Bool {
    function == .relu ? lower[left + j] < 0 && upper[left + j] > 0 : true
  }

  func line(_ j: Int, _ isUpper: Bool, _ position: Double?) -> Choice {
    let xl = lower[left + j]
    let xu = upper[left + j]
    if let function {
      let line = function.line(over: xl, xu, isUpper: isUpper, position: position)
      return Choice(
        slope: line.slope, intercept: line.intercept, position: line.position, touch: line.touch, rate: line.rate)
    }
    let position = position ?? 0.5
    let plane = ProductPlane(xl, xu, lower[right + j], upper[right + j], isUpper: isUpper, position: position)
    return Choice(
      slope: plane.x, intercept: plane.intercept, second: plane.y, position: position, touch: plane.touchX,
      secondTouch: plane.touchY, rate: 1)
  }

  /// How a plane's two coefficients change with the position.
  func planeChange(_ j: Int, _ isUpper: Bool) -> (Double, Double) {
    let x = upper[left + j] - lower[left + j]
    let y = upper[right + j] - lower[right + j]
    return (-y, isUpper ? x : -x)
  }
}
