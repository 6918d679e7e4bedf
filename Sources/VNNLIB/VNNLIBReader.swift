// VNN-LIB 1.0: the property format of the verification competitions, an SMT-LIB subset over X_i (inputs) and Y_j
// (outputs). The assertions describe the forbidden set, as written: "<=" includes equality.

import Inputs
import Networks

/// Reads properties.
public enum VNNLIBReader {
  /// The property in a file, plain or gzip.
  ///
  /// Every number is kept as the exact decimal of the text. Conjunctions with the same input region become clauses of
  /// one case. An input without both limits, an empty region, and a text that multiplies out to more than 100,000
  /// conjunctions are errors; without an assertion about outputs the whole region is forbidden.
  ///
  /// - Complexity: linear in the text plus the size of the disjunctive normal form.
  public static func read(path: String) throws(VNNLIBError) -> Property {
    let bytes: [UInt8]
    do throws(InputError) {
      let stored = try FileBytes.read(path)
      bytes = Gzip.isGzip(stored) ? try Gzip.inflate(stored, name: path, limit: 1 << 30) : stored
    } catch {
      throw .unreadable(path: path, reason: error.description)
    }
    return try read(bytes: bytes, name: path)
  }

  /// The property in a text; `name` stands for the file in messages.
  public static func read(text: String, name: String = "the property") throws(VNNLIBError) -> Property {
    try read(bytes: Array(text.utf8), name: name)
  }

  /// The same from bytes that are not compressed.
  public static func read(bytes: [UInt8], name: String = "the property") throws(VNNLIBError) -> Property {
    try bytes.withUnsafeBufferPointer { (buffer) throws(VNNLIBError) -> Property in
      var parser = Parser(buffer, path: name)
      try parser.readAll()
      try checkDeclarations(parser.inputs, prefix: "X", path: name)
      try checkDeclarations(parser.outputs, prefix: "Y", path: name)
      guard !parser.inputs.isEmpty else {
        throw .unusable(path: name, reason: "it declares no input; a property begins with (declare-const X_0 Real)")
      }
      var builder = CaseBuilder(path: name, inputCount: parser.inputs.count)
      let cases = try builder.build(parser.formulas)
      return Property(inputCount: parser.inputs.count, outputCount: parser.outputs.count, cases: cases)
    }
  }

  private static func checkDeclarations(_ declared: [Bool], prefix: String, path: String) throws(VNNLIBError) {
    guard let missing = declared.firstIndex(of: false) else { return }
    throw .unusable(
      path: path,
      reason: "\(prefix)_\(missing) is not declared although \(prefix)_\(declared.count - 1) is; declare all of them")
  }
}

extension Property {
  /// Checks that the property is about a model with these numbers of inputs and outputs.
  public func check(inputCount: Int, outputCount: Int) throws(PropertyMismatch) {
    guard inputCount == self.inputCount && outputCount == self.outputCount else {
      throw PropertyMismatch(
        propertyInputs: self.inputCount, propertyOutputs: self.outputCount, modelInputs: inputCount,
        modelOutputs: outputCount)
    }
  }
}

/// A property that is about a network of another shape.
public struct PropertyMismatch: Error, Sendable, Equatable, CustomStringConvertible {
  public var propertyInputs: Int
  public var propertyOutputs: Int
  public var modelInputs: Int
  public var modelOutputs: Int

  public var description: String {
    "The property is about \(propertyInputs) inputs and \(propertyOutputs) outputs, but the model has \(modelInputs) "
      + "and \(modelOutputs); choose the property that was made for this model."
  }
}
