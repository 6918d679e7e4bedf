// The counterexample file of the verification competitions (VNN-COMP rules):
//
//   sat
//   ((X_0 0.5)
//    (X_1 -0.25)
//    (Y_0 1.125))

import Statistics

/// An input and the output of the network there, as they are printed.
public struct WitnessText: Sendable, Equatable {
  /// Exactly what the text says.
  public var inputs: [ExactDecimal]
  public var outputs: [ExactDecimal]

  public init(inputs: [ExactDecimal], outputs: [ExactDecimal]) {
    self.inputs = inputs
    self.outputs = outputs
  }

  /// Writes binary numbers as the shortest decimals that read back to them; nil if one is not finite.
  public init?(shortestInputs inputs: [Double], outputs: [Double]) {
    func decimals(_ values: [Double]) -> [ExactDecimal]? {
      var result: [ExactDecimal] = []
      for value in values {
        guard value.isFinite, let decimal = ExactDecimal(signed: value.description) else { return nil }
        result.append(decimal)
      }
      return result
    }
    guard let x = decimals(inputs), let y = decimals(outputs) else { return nil }
    self.init(inputs: x, outputs: y)
  }

  /// The same for binary32 numbers: shorter, and read back to the same binary32 number.
  public init?(shortestInputs inputs: [Float], outputs: [Double]) {
    self.init(shortestInputs: [Double](), outputs: outputs)
    for value in inputs {
      guard value.isFinite, let decimal = ExactDecimal(signed: value.description) else { return nil }
      self.inputs.append(decimal)
    }
  }

  /// The file's text.
  public var text: String {
    var lines: [String] = []
    for (index, value) in inputs.enumerated() { lines.append("(X_\(index) \(value.text))") }
    for (index, value) in outputs.enumerated() { lines.append("(Y_\(index) \(value.text))") }
    return "sat\n(" + lines.joined(separator: "\n ") + ")\n"
  }

  /// Reads a witness back: "sat", then one list of pairs with every X_i and Y_j exactly once, in any order.
  public static func parse(_ text: String, name: String = "the witness") throws(VNNLIBError) -> WitnessText {
    let bytes = Array(text.utf8)
    return try bytes.withUnsafeBufferPointer { (buffer) throws(VNNLIBError) -> WitnessText in
      var lexer = Lexer(buffer, path: name)
      guard lexer.isWord("sat") else {
        throw lexer.error(at: lexer.start, "A witness begins with \"sat\", not \(lexer.text).")
      }
      lexer.advance()
      try expect(.open, &lexer)
      var inputs: [ExactDecimal?] = []
      var outputs: [ExactDecimal?] = []
      while lexer.token != .close {
        try expect(.open, &lexer)
        let offset = lexer.start
        guard lexer.token == .word, let variable = Parser.variable(lexer.word) else {
          throw lexer.error(at: offset, "Expected X_i or Y_j, found \(lexer.text).")
        }
        lexer.advance()
        guard lexer.token == .word, let value = ExactDecimal(ascii: lexer.word) else {
          throw lexer.error(at: lexer.start, "Expected a decimal number, found \(lexer.text).")
        }
        lexer.advance()
        try expect(.close, &lexer)
        let isNew: Bool =
          switch variable {
          case .input(let index): place(value, at: index, in: &inputs)
          case .output(let index): place(value, at: index, in: &outputs)
          }
        guard isNew else { throw lexer.error(at: offset, "\(variable.name) has two values; remove one.") }
      }
      try expect(.close, &lexer)
      guard lexer.token == .end else {
        throw lexer.error(at: lexer.start, "Nothing may follow the list of values; found \(lexer.text).")
      }
      let x = inputs.compactMap { $0 }
      let y = outputs.compactMap { $0 }
      guard x.count == inputs.count, y.count == outputs.count else {
        throw .unusable(path: name, reason: "a variable has no value; every X_i and Y_j needs one")
      }
      return WitnessText(inputs: x, outputs: y)
    }
  }

  private static func place(_ value: ExactDecimal, at index: Int, in values: inout [ExactDecimal?]) -> Bool {
    while values.count <= index { values.append(nil) }
    guard values[index] == nil else { return false }
    values[index] = value
    return true
  }

  private static func expect(_ token: Lexer.Token, _ lexer: inout Lexer) throws(VNNLIBError) {
    guard lexer.token == token else {
      throw lexer.error(
        at: lexer.start, "Expected \(token == .open ? "\"(\"" : "\")\""), found \(lexer.text).")
    }
    lexer.advance()
  }
}
