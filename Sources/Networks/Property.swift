// What is to be proven: no input of a region gives a forbidden output. Decimals stay exact until an engine rounds them.

import Statistics

/// Forbidden pairs of input and output; "unsat" means that none exists, a witness is one of them.
///
/// The forbidden set is the union over `cases`. Every number is the exact decimal of the file.
public struct Property: Sendable {
  public var inputCount: Int
  public var outputCount: Int
  public var cases: [Case]

  public init(inputCount: Int, outputCount: Int, cases: [Case]) {
    self.inputCount = inputCount
    self.outputCount = outputCount
    self.cases = cases
  }

  /// One input region, and what must not happen in it: a point x with output y is forbidden if x lies in the box, in
  /// the ball and in all half-spaces, and all constraints of at least one clause hold.
  public struct Case: Sendable {
    public var lower: [ExactDecimal]
    public var upper: [ExactDecimal]
    public var ball: Ball?
    /// Constraints on inputs alone, all of which a point of the region satisfies.
    public var inputConstraints: [LinearConstraint]
    /// Conjunctions of constraints on outputs (and inputs). An empty conjunction holds everywhere.
    public var clauses: [[LinearConstraint]]

    public init(
      lower: [ExactDecimal], upper: [ExactDecimal], ball: Ball? = nil, inputConstraints: [LinearConstraint] = [],
      clauses: [[LinearConstraint]]
    ) {
      self.lower = lower
      self.upper = upper
      self.ball = ball
      self.inputConstraints = inputConstraints
      self.clauses = clauses
    }
  }

  /// sum of coefficient * variable <= bound, or < bound.
  public struct LinearConstraint: Sendable {
    public var terms: [Term]
    public var bound: ExactDecimal
    public var isStrict: Bool

    public init(terms: [Term], bound: ExactDecimal, isStrict: Bool = false) {
      self.terms = terms
      self.bound = bound
      self.isStrict = isStrict
    }
  }

  public struct Term: Sendable {
    public var variable: Variable
    public var coefficient: ExactDecimal

    public init(variable: Variable, coefficient: ExactDecimal) {
      self.variable = variable
      self.coefficient = coefficient
    }
  }

  public enum Variable: Sendable, Hashable {
    /// X_i
    case input(Int)
    /// Y_i
    case output(Int)
  }

  /// All x with ||x - centre|| <= radius.
  public struct Ball: Sendable {
    public enum Norm: String, Sendable, Codable { case l1, l2 }

    public var norm: Norm
    public var centre: [ExactDecimal]
    public var radius: ExactDecimal

    public init(norm: Norm, centre: [ExactDecimal], radius: ExactDecimal) {
      self.norm = norm
      self.centre = centre
      self.radius = radius
    }
  }
}

/// Which arithmetic a verdict speaks about (soundness.md 1.8 and 4.3).
public enum Semantics: String, Sendable, Codable, CaseIterable {
  /// Real numbers, with the file's weights.
  case real
  /// Every binary32 evaluation order of the graph as written.
  case float32
  /// Both at once.
  case both
}
