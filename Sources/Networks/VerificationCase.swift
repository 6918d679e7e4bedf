// One case of a property in binary64, rounded so that nothing forbidden is lost: what the engines bound.

/// A region of inputs and rows over a network's neurons; proven when every clause is refuted on the whole region.
///
/// Guarantee: if on every point of the region each clause has a row with phi(x) > 0 (or phi(x) >= 0 where the row is
/// strict), then the property's case holds nothing forbidden.
public struct VerificationCase: Sendable {
  /// The box of all inputs, rounded outward from the decimals.
  public var lower: [Double]
  public var upper: [Double]
  public var ball: Ball?
  /// Half-spaces of the region: phi(x) <= 0 for every point of it.
  public var inputRows: [Row]
  public var rows: [Row]
  /// Indices into `rows`; a clause is refuted where one of its rows is proven. An empty clause can only be refuted by
  /// an empty region.
  public var clauses: [[Int]]

  /// phi(x) = sum_k c_k h_k(x) + constant, with |c_k - true c_k| <= `coefficientError` |c_k|.
  public struct Row: Sendable {
    /// Neuron numbers (outputs or inputs), ascending, with their coefficients.
    public var neurons: [Int]
    public var coefficients: [Double]
    /// 0, or 2^-53 where a decimal coefficient was rounded.
    public var coefficientError: Double
    /// Rounded down (so that phi is not overestimated).
    public var constant: Double
    /// The constraint behind the row was "<": the row is proven by phi >= 0 already.
    public var isStrict: Bool

    public init(
      neurons: [Int], coefficients: [Double], coefficientError: Double = 0, constant: Double, isStrict: Bool = false
    ) {
      self.neurons = neurons
      self.coefficients = coefficients
      self.coefficientError = coefficientError
      self.constant = constant
      self.isStrict = isStrict
    }
  }

  public struct Ball: Sendable {
    public var norm: Property.Ball.Norm
    /// Rounded to nearest; `radius` is enlarged by what that moved.
    public var centre: [Double]
    /// Rounded up.
    public var radius: Double

    public init(norm: Property.Ball.Norm, centre: [Double], radius: Double) {
      self.norm = norm
      self.centre = centre
      self.radius = radius
    }
  }

  public init(
    lower: [Double], upper: [Double], ball: Ball? = nil, inputRows: [Row] = [], rows: [Row], clauses: [[Int]]
  ) {
    self.lower = lower
    self.upper = upper
    self.ball = ball
    self.inputRows = inputRows
    self.rows = rows
    self.clauses = clauses
  }
}

extension VerificationCase {
  /// Rounds one case of a property for a network: a constraint sum c v <= bound becomes the row phi = sum c v - bound.
  public init(_ source: Property.Case, of network: Network) {
    var rows: [Row] = []
    let clauses = source.clauses.map { clause in
      clause.map { constraint in
        rows.append(Row(constraint, of: network))
        return rows.count - 1
      }
    }
    self.init(
      lower: source.lower.map(\.roundedDown), upper: source.upper.map(\.roundedUp),
      ball: source.ball.map { Ball($0) }, inputRows: source.inputConstraints.map { Row($0, of: network) }, rows: rows,
      clauses: clauses)
  }
}

extension VerificationCase.Row {
  init(_ constraint: Property.LinearConstraint, of network: Network) {
    var sums: [Int: Double] = [:]
    var isExact = true
    for term in constraint.terms {
      let neuron =
        switch term.variable {
        case .input(let index): network.inputs.lowerBound + index
        case .output(let index): network.outputs.lowerBound + index
        }
      let coefficient = term.coefficient
      if coefficient.roundedDown != coefficient.roundedUp { isExact = false }
      precondition(sums[neuron] == nil, "a constraint names every variable once")
      sums[neuron] = coefficient.nearest
    }
    let neurons = sums.keys.sorted()
    self.init(
      neurons: neurons, coefficients: neurons.map { sums[$0]! }, coefficientError: isExact ? 0 : 0x1p-53,
      // -RU(bound) = RD(-bound).
      constant: -constraint.bound.roundedUp, isStrict: constraint.isStrict)
  }
}

extension VerificationCase.Ball {
  init(_ ball: Property.Ball) {
    let centre = ball.centre.map(\.nearest)
    // ||x0 - RN(x0)|| is at most the l1 sum of the cells' widths, rounded up term by term.
    var moved = 0.0
    for decimal in ball.centre { moved = (moved + (decimal.roundedUp - decimal.roundedDown).nextUp).nextUp }
    let isExact = ball.centre.allSatisfy { $0.roundedDown == $0.roundedUp }
    let radius = ball.radius.roundedUp
    self.init(norm: ball.norm, centre: centre, radius: isExact ? radius : (radius + moved).nextUp)
  }
}
