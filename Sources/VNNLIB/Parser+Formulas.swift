// Formulas (and, or, not, =>, comparisons) and linear expressions (+, -, *, /), read into linear atoms.

import Networks
import Statistics

extension Parser {
  /// A formula, or its negation: "not" is pushed down to the comparisons, where it turns <= into >.
  mutating func readFormula(depth: Int, isNegated: Bool) throws(VNNLIBError) -> Formula {
    let start = lexer.start
    if lexer.isWord("true") || lexer.isWord("false") {
      let isTrue = lexer.isWord("true") != isNegated
      lexer.advance()
      return isTrue ? .all([]) : .any([])
    }
    try expectOpen("a formula such as (<= X_0 1)")
    guard depth <= Parser.maximumDepth else {
      throw lexer.error(at: start, "Formulas are nested deeper than \(Parser.maximumDepth); write them flatter.")
    }
    if lexer.isWord("and") || lexer.isWord("or") {
      let isConjunction = lexer.isWord("and") != isNegated
      lexer.advance()
      let parts = try readFormulas(from: start, depth: depth, isNegated: isNegated)
      if parts.count == 1 { return parts[0] }
      return isConjunction ? .all(parts) : .any(parts)
    }
    if lexer.isWord("not") {
      lexer.advance()
      let part = try readFormula(depth: depth + 1, isNegated: !isNegated)
      try close(start, what: "\"not\", which takes one formula")
      return part
    }
    if let comparison = currentComparison {
      lexer.advance()
      return try readComparison(comparison, from: start, depth: depth, isNegated: isNegated)
    }
    if lexer.token == .end { throw unclosed(start) }
    throw lexer.error(
      at: lexer.start, "Unknown symbol \(lexer.text); formulas are made of and, or, not, <=, <, >=, > and =.")
  }

  private mutating func readFormulas(
    from start: Int, depth: Int, isNegated: Bool
  ) throws(VNNLIBError) -> [Formula] {
    var parts: [Formula] = []
    while lexer.token != .close {
      if lexer.token == .end { throw unclosed(start) }
      parts.append(try readFormula(depth: depth + 1, isNegated: isNegated))
    }
    lexer.advance()
    return parts
  }

  // MARK: Comparisons

  private enum Comparison {
    case lessOrEqual, less, greaterOrEqual, greater, equal

    var negated: Comparison? {
      switch self {
      case .lessOrEqual: .greater
      case .less: .greaterOrEqual
      case .greaterOrEqual: .less
      case .greater: .lessOrEqual
      case .equal: nil
      }
    }
  }

  private var currentComparison: Comparison? {
    if lexer.isWord("<=") { return .lessOrEqual }
    if lexer.isWord(">=") { return .greaterOrEqual }
    if lexer.isWord("<") { return .less }
    if lexer.isWord(">") { return .greater }
    if lexer.isWord("=") { return .equal }
    return nil
  }

  /// The operands of a comparison; three or more stand for comparisons of neighbours, all of which hold.
  private mutating func readComparison(
    _ comparison: Comparison, from start: Int, depth: Int, isNegated: Bool
  ) throws(VNNLIBError) -> Formula {
    var operands: [LinearForm] = []
    while lexer.token != .close {
      if lexer.token == .end { throw unclosed(start) }
      operands.append(try readExpression(depth: depth + 1))
    }
    lexer.advance()
    guard operands.count >= 2 else {
      throw lexer.error(at: start, "A comparison needs two sides, as in (<= X_0 1).")
    }
    var parts: [Formula] = []
    for (left, right) in zip(operands, operands.dropFirst()) {
      parts.append(Parser.compare(left, comparison, right, at: start, isNegated: isNegated))
    }
    if parts.count == 1 { return parts[0] }
    return isNegated ? .any(parts) : .all(parts)
  }

  private static func compare(
    _ left: LinearForm, _ comparison: Comparison, _ right: LinearForm, at offset: Int, isNegated: Bool
  ) -> Formula {
    switch isNegated ? comparison.negated : comparison {
    case .lessOrEqual: return .atom(atom(left, right, isStrict: false, at: offset))
    case .less: return .atom(atom(left, right, isStrict: true, at: offset))
    case .greaterOrEqual: return .atom(atom(right, left, isStrict: false, at: offset))
    case .greater: return .atom(atom(right, left, isStrict: true, at: offset))
    case .equal:
      return .all([
        .atom(atom(left, right, isStrict: false, at: offset)), .atom(atom(right, left, isStrict: false, at: offset)),
      ])
    case nil:
      return .any([
        .atom(atom(left, right, isStrict: true, at: offset)), .atom(atom(right, left, isStrict: true, at: offset)),
      ])
    }
  }

  /// left <= right as sum of terms <= bound.
  private static func atom(_ left: LinearForm, _ right: LinearForm, isStrict: Bool, at offset: Int) -> Atom {
    if right.terms.isEmpty && left.constant.isZero {
      return Atom(terms: left.normalizedTerms, bound: right.constant, isStrict: isStrict, offset: offset)
    }
    var difference = left
    difference.add(right, negated: true)
    return Atom(terms: difference.normalizedTerms, bound: -difference.constant, isStrict: isStrict, offset: offset)
  }

  // MARK: Expressions

  private mutating func readExpression(depth: Int) throws(VNNLIBError) -> LinearForm {
    let start = lexer.start
    if lexer.token == .word { return try readWord() }
    try expectOpen("a number, a variable or an expression such as (- Y_0 Y_1)")
    guard depth <= Parser.maximumDepth else {
      throw lexer.error(at: start, "Expressions are nested deeper than \(Parser.maximumDepth); write them flatter.")
    }
    guard lexer.token == .word, lexer.end - lexer.start == 1, "+-*/".utf8.contains(lexer.word[0]) else {
      if lexer.token == .end { throw unclosed(start) }
      throw lexer.error(at: lexer.start, "Unknown symbol \(lexer.text); linear expressions are made of +, -, * and /.")
    }
    let operation = lexer.word[0]
    lexer.advance()
    var operands: [LinearForm] = []
    while lexer.token != .close {
      if lexer.token == .end { throw unclosed(start) }
      operands.append(try readExpression(depth: depth + 1))
    }
    lexer.advance()
    guard var result = operands.first else {
      throw lexer.error(at: start, "This expression has no operands; write for example (- Y_0 Y_1).")
    }
    let rest = operands.dropFirst()
    switch operation {
    case UInt8(ascii: "+"):
      for operand in rest { result.add(operand) }
    case UInt8(ascii: "-"):
      if rest.isEmpty { result.scale(by: ExactDecimal(-1)) }
      for operand in rest { result.add(operand, negated: true) }
    case UInt8(ascii: "*"):
      for var operand in rest {
        if !operand.terms.isEmpty { swap(&result, &operand) }
        guard operand.terms.isEmpty else {
          throw lexer.error(
            at: start, "A product of variables is not linear; one factor of each product must be a number.")
        }
        result.scale(by: operand.constant)
      }
    default:
      guard operands.count > 1 else { throw lexer.error(at: start, "A division needs two operands.") }
      for operand in rest { try divide(&result, by: operand, at: start) }
    }
    return result
  }

  private func divide(_ form: inout LinearForm, by divisor: LinearForm, at start: Int) throws(VNNLIBError) {
    guard divisor.terms.isEmpty, !divisor.constant.isZero else {
      throw lexer.error(at: start, "Only division by a number other than 0 is linear.")
    }
    let digits = 1000
    func quotient(_ value: ExactDecimal) throws(VNNLIBError) -> ExactDecimal {
      let (result, isExact) = value.divided(by: divisor.constant, digits: digits, roundingUp: false)
      guard isExact else {
        throw lexer.error(at: start, "This quotient is no decimal number; multiply the comparison by the divisor.")
      }
      return result
    }
    form.constant = try quotient(form.constant)
    for index in form.terms.indices { form.terms[index].coefficient = try quotient(form.terms[index].coefficient) }
  }
}
