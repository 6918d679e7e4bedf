// What an assertion says: linear atoms joined by "and" and "or".

import Networks
import Statistics

/// One comparison sum of coefficient * variable <= bound (or < bound), or a truth value where nothing is compared.
struct Atom {
  /// Ascending: inputs by index, then outputs by index; each once, with a coefficient other than 0.
  var terms: [Property.Term]
  var bound: ExactDecimal
  var isStrict: Bool
  /// Where it stands in the text.
  var offset: Int

  /// The atom as a truth value if it names no variable.
  var truth: Bool? {
    guard terms.isEmpty else { return nil }
    return bound.isZero ? !isStrict : !bound.isNegative
  }

  var constraint: Property.LinearConstraint { .init(terms: terms, bound: bound, isStrict: isStrict) }

  /// Whether only inputs are compared.
  var concernsInputsOnly: Bool {
    terms.allSatisfy { if case .input = $0.variable { true } else { false } }
  }

  /// The input that this atom limits, if it names nothing else.
  var limitedInput: Int? {
    guard terms.count == 1, case .input(let index) = terms[0].variable else { return nil }
    return index
  }
}

indirect enum Formula {
  case atom(Atom)
  case all([Formula])
  case any([Formula])
}

/// sum of coefficient * variable + constant, while an expression is being read.
struct LinearForm {
  var terms: [Property.Term] = []
  var constant = ExactDecimal(0)

  mutating func add(_ other: LinearForm, negated: Bool = false) {
    constant = constant + (negated ? -other.constant : other.constant)
    for term in other.terms {
      terms.append(Property.Term(variable: term.variable, coefficient: negated ? -term.coefficient : term.coefficient))
    }
  }

  mutating func scale(by factor: ExactDecimal) {
    constant = constant * factor
    for index in terms.indices { terms[index].coefficient = terms[index].coefficient * factor }
  }

  /// Sorted, every variable once, none with coefficient 0.
  var normalizedTerms: [Property.Term] {
    if terms.count == 1 && !terms[0].coefficient.isZero { return terms }
    var result: [Property.Term] = []
    for term in terms.sorted(by: { $0.variable.order < $1.variable.order }) {
      if let last = result.last, last.variable == term.variable {
        result[result.count - 1].coefficient = last.coefficient + term.coefficient
      } else {
        result.append(term)
      }
    }
    return result.filter { !$0.coefficient.isZero }
  }
}

extension Property.Variable {
  /// Inputs before outputs, each by index.
  var order: Int {
    switch self {
    case .input(let index): index
    case .output(let index): (1 << 40) + index
    }
  }

  var name: String {
    switch self {
    case .input(let index): "X_\(index)"
    case .output(let index): "Y_\(index)"
    }
  }
}
