// From normal form to cases: conjunctions with the same input region become the clauses of one case.

import Networks
import Statistics

/// Sorts the atoms of conjunctions into box limits, input constraints and clauses.
struct CaseBuilder {
  private let path: String
  private let inputCount: Int
  /// Limits from assertions that hold everywhere.
  private var common: Limits
  private var commonConstraints: [Property.LinearConstraint] = []
  private var groups: [RegionKey: Int] = [:]
  private var cases: [Property.Case] = []

  init(path: String, inputCount: Int) {
    self.path = path
    self.inputCount = inputCount
    common = Limits(count: inputCount)
  }

  /// The cases of "all of `formulas`".
  mutating func build(_ formulas: [Formula]) throws(VNNLIBError) -> [Property.Case] {
    var others: [Formula] = []
    for formula in formulas {
      if case .atom(let atom) = formula, let input = atom.limitedInput {
        let change = BoxChange(atom)
        common.apply(change, to: input)
        if let constraint = change.remaining { commonConstraints.append(constraint) }
      } else {
        others.append(formula)
      }
    }
    try checkCommonBox()
    let form: DisjunctiveNormalForm
    do {
      form = try DisjunctiveNormalForm(others)
    } catch {
      throw .unusable(
        path: path,
        reason: "multiplying out its \"and\" and \"or\" gives more than "
          + "\(DisjunctiveNormalForm.maximumConjunctions) cases; split the property into several files")
    }
    var dropped: VNNLIBError?
    for conjunction in form.conjunctions {
      do throws(Refusal) {
        try add(conjunction, of: form)
      } catch {
        switch error {
        case .unbounded(let input): throw unbounded(input)
        case .empty(let input, let isWithinOneAssertion):
          // A contradiction within one assertion is a mistake in the file; between several it is their intersection.
          if isWithinOneAssertion { throw emptyBox(input) }
          dropped = emptyBox(input)
        }
      }
    }
    if cases.isEmpty {
      throw dropped
        ?? .unusable(path: path, reason: "no input and output can satisfy its assertions; they contradict each other")
    }
    return cases
  }

  /// Why a conjunction gives no region.
  private enum Refusal: Error {
    case empty(Int, isWithinOneAssertion: Bool)
    case unbounded(Int)
  }

  private mutating func add(_ conjunction: [Int], of form: DisjunctiveNormalForm) throws(Refusal) {
    var changes: [Int: Limits.Pair] = [:]
    var constraints: [Property.LinearConstraint] = []
    var clause: [Property.LinearConstraint] = []
    var assertions: Set<Int> = []
    for index in conjunction {
      let atom = form.atoms[index]
      guard atom.concernsInputsOnly else {
        clause.append(atom.constraint)
        continue
      }
      assertions.insert(form.assertions[index])
      guard let input = atom.limitedInput else {
        constraints.append(atom.constraint)
        continue
      }
      let change = BoxChange(atom)
      var pair = changes[input] ?? common[input]
      pair.apply(change)
      changes[input] = pair
      if let constraint = change.remaining { constraints.append(constraint) }
    }
    for (input, pair) in changes.sorted(by: { $0.key < $1.key }) where pair.isEmpty {
      throw .empty(input, isWithinOneAssertion: assertions.count <= 1)
    }
    for input in common.unbounded {
      guard let pair = changes[input], pair.lower != nil, pair.upper != nil else {
        throw .unbounded(input)
      }
    }
    let key = RegionKey(changes.filter { $0.value != common[$0.key] }, constraints)
    if let position = groups[key] {
      cases[position].clauses.append(clause)
    } else {
      groups[key] = cases.count
      cases.append(region(changes, constraints, clause))
    }
  }

  private func region(
    _ changes: [Int: Limits.Pair], _ constraints: [Property.LinearConstraint], _ clause: [Property.LinearConstraint]
  ) -> Property.Case {
    let zero = ExactDecimal(0)
    var lower = common.lower.map { $0 ?? zero }
    var upper = common.upper.map { $0 ?? zero }
    for (input, pair) in changes {
      lower[input] = pair.lower ?? zero
      upper[input] = pair.upper ?? zero
    }
    return Property.Case(
      lower: lower, upper: upper, inputConstraints: commonConstraints + constraints, clauses: [clause])
  }

  // MARK: Errors

  private mutating func checkCommonBox() throws(VNNLIBError) {
    for input in 0..<inputCount {
      let pair = common[input]
      if pair.isEmpty { throw emptyBox(input) }
    }
    common.findUnbounded()
  }

  private func emptyBox(_ input: Int) -> VNNLIBError {
    .unusable(
      path: path,
      reason: "no value of X_\(input) satisfies all its limits, so the input region is empty; correct them")
  }

  private func unbounded(_ input: Int) -> VNNLIBError {
    .unusable(
      path: path,
      reason: "X_\(input) lacks a lower or an upper limit, so the input region is unbounded; "
        + "assert both, as in (>= X_\(input) 0) and (<= X_\(input) 1)")
  }
}

/// Lower and upper limits of all inputs, as far as they are known.
struct Limits {
  struct Pair: Hashable {
    var lower: ExactDecimal?
    var upper: ExactDecimal?
    /// A strict limit meets the other one at this value.
    var isStrict = false

    var isEmpty: Bool {
      guard let lower, let upper else { return false }
      return upper < lower || (isStrict && lower == upper)
    }

    mutating func apply(_ change: BoxChange) {
      if change.isUpper {
        if upper.map({ change.value < $0 }) ?? true { upper = change.value }
      } else {
        if lower.map({ $0 < change.value }) ?? true { lower = change.value }
      }
      if change.isStrict { isStrict = true }
    }
  }

  private(set) var lower: [ExactDecimal?]
  private(set) var upper: [ExactDecimal?]
  private var strict: Set<Int> = []
  /// Inputs that lack a limit, as of `findUnbounded()`.
  private(set) var unbounded: [Int] = []

  init(count: Int) {
    lower = Array(repeating: nil, count: count)
    upper = Array(repeating: nil, count: count)
  }

  subscript(input: Int) -> Pair {
    Pair(lower: lower[input], upper: upper[input], isStrict: strict.contains(input))
  }

  mutating func apply(_ change: BoxChange, to input: Int) {
    var pair = self[input]
    pair.apply(change)
    lower[input] = pair.lower
    upper[input] = pair.upper
    if pair.isStrict { strict.insert(input) }
  }

  mutating func findUnbounded() {
    unbounded = lower.indices.filter { lower[$0] == nil || upper[$0] == nil }
  }
}

/// What an atom c X_i <= b does to the box: X_i <= b / c, or X_i >= b / c where c < 0.
struct BoxChange {
  var isUpper: Bool
  /// Exact, or rounded outward to 40 digits after the point.
  var value: ExactDecimal
  var isStrict: Bool
  /// The atom itself where the closed box does not say all of it.
  var remaining: Property.LinearConstraint?

  init(_ atom: Atom) {
    let coefficient = atom.terms[0].coefficient
    isUpper = !coefficient.isNegative
    var isExact = true
    if coefficient == ExactDecimal(1) {
      value = atom.bound
    } else if coefficient == ExactDecimal(-1) {
      value = -atom.bound
    } else {
      (value, isExact) = atom.bound.divided(by: coefficient, digits: 40, roundingUp: isUpper)
    }
    isStrict = atom.isStrict
    remaining = isExact && !atom.isStrict ? nil : atom.constraint
  }
}

/// An input region by value, so that regions written several times are recognised.
private struct RegionKey: Hashable {
  private struct Constraint: Hashable {
    var variables: [Int]
    var coefficients: [ExactDecimal]
    var bound: ExactDecimal
    var isStrict: Bool
  }

  private var limits: [Int: Limits.Pair]
  private var constraints: [Constraint]

  init(_ limits: [Int: Limits.Pair], _ constraints: [Property.LinearConstraint]) {
    self.limits = limits
    self.constraints = constraints.map {
      Constraint(
        variables: $0.terms.map(\.variable.order), coefficients: $0.terms.map(\.coefficient), bound: $0.bound,
        isStrict: $0.isStrict)
    }
  }
}
