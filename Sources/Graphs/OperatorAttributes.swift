// The attributes of one node while its operator reads them; keeps track of those that nobody asked for.

import Tensors

/// A node's attributes with their names, and what else an operator may depend on.
public final class OperatorAttributes {
  public enum Content: Sendable {
    case float(Float)
    case integer(Int)
    case string(String)
    case tensor(Tensor)
    case floats([Float])
    case integers([Int])
    case strings([String])
    /// A graph, a sparse tensor or something else that is not read.
    case other(String)
  }

  /// The operator's ONNX name.
  public let operatorName: String
  /// The version of the operator set.
  public let opset: Int
  /// Which inputs are present.
  public let inputs: [Bool]
  /// Which outputs are wanted.
  public let outputs: [Bool]
  private let contents: [String: Content]
  private var read: Set<String> = []

  public init(
    operatorName: String, opset: Int, inputs: [Bool], outputs: [Bool] = [true], contents: [String: Content] = [:]
  ) {
    self.operatorName = operatorName
    self.opset = opset
    self.inputs = inputs
    self.outputs = outputs
    self.contents = contents
  }

  /// Attributes that no accessor asked for, sorted.
  public var unread: [String] { contents.keys.filter { !read.contains($0) }.sorted() }

  public func content(_ name: String) -> Content? {
    read.insert(name)
    return contents[name]
  }

  public func integer(_ name: String) throws -> Int? {
    switch content(name) {
    case nil: nil
    case .integer(let value)?: value
    case _?: throw OperatorError("attribute \(name) must be an integer")
    }
  }

  public func float(_ name: String) throws -> Float? {
    switch content(name) {
    case nil: nil
    case .float(let value)?: value
    case _?: throw OperatorError("attribute \(name) must be a number")
    }
  }

  public func string(_ name: String) throws -> String? {
    switch content(name) {
    case nil: nil
    case .string(let value)?: value
    case _?: throw OperatorError("attribute \(name) must be a string")
    }
  }

  public func integers(_ name: String) throws -> [Int]? {
    switch content(name) {
    case nil: nil
    case .integers(let value)?: value
    // An empty list is written without its values, and some exporters leave the type out.
    case .floats(let value)? where value.isEmpty: []
    case _?: throw OperatorError("attribute \(name) must be a list of integers")
    }
  }

  /// A flag written as an integer 0 or 1.
  public func flag(_ name: String, default value: Bool = false) throws -> Bool {
    switch try integer(name) {
    case nil: return value
    case 0?: return false
    case 1?: return true
    case let other?: throw OperatorError("attribute \(name) is \(other), but must be 0 or 1")
    }
  }

  /// Reads a number that only training uses.
  public func ignore(_ name: String) { read.insert(name) }

  /// Checks how many inputs and outputs there are; all inputs below the least count must be present.
  public func expect(inputs range: ClosedRange<Int>, outputs outputRange: ClosedRange<Int> = 1...1) throws {
    guard range.contains(inputs.count), inputs.prefix(range.lowerBound).allSatisfy({ $0 }) else {
      throw OperatorError("it has \(inputs.count) inputs, but takes \(range.lowerBound) to \(range.upperBound)")
    }
    guard outputRange.contains(outputs.count) else {
      throw OperatorError("it has \(outputs.count) outputs, but gives at most \(outputRange.upperBound)")
    }
  }
}
