// Commands of a VNN-LIB 1.0 text (https://www.vnnlib.org; SMT-LIB 2 syntax): declarations of X_i and Y_j, assertions.

import Networks
import Statistics

/// Reads declarations and assertions into formulas. Variables are declared before they are used.
struct Parser {
  var lexer: Lexer
  /// Whether X_i, Y_j have been declared.
  private(set) var inputs: [Bool] = []
  private(set) var outputs: [Bool] = []
  /// The assertions, top-level "and" taken apart.
  private(set) var formulas: [Formula] = []

  /// Deeper nesting is refused, so that no text can exhaust the stack.
  static let maximumDepth = 200
  /// More variables than any network here could have.
  private static let maximumIndex = 1 << 26

  init(_ bytes: UnsafeBufferPointer<UInt8>, path: String) {
    lexer = Lexer(bytes, path: path)
  }

  mutating func readAll() throws(VNNLIBError) {
    while lexer.token != .end {
      guard lexer.token == .open else {
        throw lexer.error(
          at: lexer.start,
          lexer.token == .close
            ? "This \")\" closes nothing; remove it, or look for a \"(\" that is missing before it."
            : "Expected \"(\" and a command such as declare-const or assert, found \(lexer.text).")
      }
      let start = lexer.start
      lexer.advance()
      try readCommand(from: start)
    }
  }

  private mutating func readCommand(from start: Int) throws(VNNLIBError) {
    if lexer.isWord("assert") {
      lexer.advance()
      try append(readFormula(depth: 1, isNegated: false))
      try close(start, what: "assert")
    } else if lexer.isWord("declare-const") || lexer.isWord("declare-fun") {
      let hasParameters = lexer.isWord("declare-fun")
      lexer.advance()
      try declare()
      if hasParameters {
        let list = lexer.start
        try expectOpen("the empty parameter list \"()\" of declare-fun")
        try close(list, what: "parameter list")
      }
      guard lexer.isWord("Real") else {
        throw lexer.error(at: lexer.start, "Variables have the type Real, not \(lexer.text).")
      }
      lexer.advance()
      try close(start, what: "declaration")
    } else if ["set-logic", "set-info", "set-option", "check-sat", "get-model", "exit"].contains(
      String(decoding: lexer.word, as: UTF8.self))
    {
      try skip(start)
    } else {
      throw lexer.error(
        at: lexer.start, "Unknown command \(lexer.text); a property consists of declare-const and assert.")
    }
  }

  /// Skips to the end of the command whose parenthesis opened at `start`.
  private mutating func skip(_ start: Int) throws(VNNLIBError) {
    var depth = 1
    while depth > 0 {
      switch lexer.token {
      case .open: depth += 1
      case .close: depth -= 1
      case .word: break
      case .end: throw unclosed(start)
      }
      lexer.advance()
    }
  }

  func unclosed(_ start: Int) -> VNNLIBError {
    lexer.error(at: start, "This \"(\" is never closed; add the missing \")\".")
  }

  mutating func expectOpen(_ what: String) throws(VNNLIBError) {
    guard lexer.token == .open else { throw lexer.error(at: lexer.start, "Expected \(what), found \(lexer.text).") }
    lexer.advance()
  }

  mutating func close(_ start: Int, what: String) throws(VNNLIBError) {
    if lexer.token == .end { throw unclosed(start) }
    guard lexer.token == .close else {
      throw lexer.error(at: lexer.start, "Expected \")\" to end the \(what), found \(lexer.text).")
    }
    lexer.advance()
  }

  private mutating func append(_ formula: Formula) {
    if case .all(let parts) = formula {
      for part in parts { append(part) }
    } else {
      formulas.append(formula)
    }
  }

  // MARK: Variables

  private mutating func declare() throws(VNNLIBError) {
    let offset = lexer.start
    guard lexer.token == .word, let variable = Parser.variable(lexer.word) else {
      throw lexer.error(at: offset, "Expected a variable X_i (input) or Y_j (output), found \(lexer.text).")
    }
    let (isInput, index): (Bool, Int) =
      switch variable {
      case .input(let index): (true, index)
      case .output(let index): (false, index)
      }
    var declared = isInput ? inputs : outputs
    // Only one owner, so that appending does not copy.
    if isInput { inputs = [] } else { outputs = [] }
    defer { if isInput { inputs = declared } else { outputs = declared } }
    while declared.count <= index { declared.append(false) }
    if declared[index] { throw lexer.error(at: offset, "\(variable.name) is declared twice; remove one declaration.") }
    declared[index] = true
    lexer.advance()
  }

  /// X_i or Y_j; nil for any other word.
  static func variable(_ word: UnsafeBufferPointer<UInt8>) -> Property.Variable? {
    guard word.count >= 3, word.count <= 12, word[1] == UInt8(ascii: "_") else { return nil }
    guard word[0] == UInt8(ascii: "X") || word[0] == UInt8(ascii: "Y") else { return nil }
    var index = 0
    for position in 2..<word.count {
      guard word[position] &- 48 < 10 else { return nil }
      index = 10 * index + Int(word[position] - 48)
    }
    guard index < maximumIndex else { return nil }
    return word[0] == UInt8(ascii: "X") ? .input(index) : .output(index)
  }

  /// The variable or number that the current word is.
  mutating func readWord() throws(VNNLIBError) -> LinearForm {
    let word = lexer.word
    if let variable = Parser.variable(word) {
      let isDeclared =
        switch variable {
        case .input(let index): index < inputs.count && inputs[index]
        case .output(let index): index < outputs.count && outputs[index]
        }
      guard isDeclared else {
        throw lexer.error(
          at: lexer.start, "\(variable.name) is not declared; add \"(declare-const \(variable.name) Real)\" above.")
      }
      lexer.advance()
      return LinearForm(terms: [Property.Term(variable: variable, coefficient: ExactDecimal(1))])
    }
    guard let number = ExactDecimal(ascii: word) else {
      throw lexer.error(
        at: lexer.start, "\(lexer.text) is neither a declared variable X_i or Y_j nor a decimal number.")
    }
    lexer.advance()
    return LinearForm(constant: number)
  }
}
