// A network as its file describes it: nodes in execution order over named values.

import Tensors

/// Names a value of one graph.
public typealias ValueID = Int

/// A network: operators connected by values, with constants (weights) and inputs whose dimensions may be open.
///
/// Nodes stand in an order in which every value is written before it is read. A graph says nothing about shapes beyond
/// its inputs; `shaped(batch:dimensions:)` binds the open dimensions and infers the rest.
public struct Graph: Sendable {
  /// The name in the model file.
  public var name: String
  /// The name of every value; the index is its `ValueID`.
  public var valueNames: [String]
  public var nodes: [GraphNode]
  public var inputs: [GraphInput]
  public var outputs: [ValueID]
  /// The initializers, by value.
  public var constants: [ValueID: Tensor]
  /// The version of the default operator set.
  public var opset: Int

  public init(
    name: String, valueNames: [String], nodes: [GraphNode], inputs: [GraphInput], outputs: [ValueID],
    constants: [ValueID: Tensor], opset: Int
  ) {
    self.name = name
    self.valueNames = valueNames
    self.nodes = nodes
    self.inputs = inputs
    self.outputs = outputs
    self.constants = constants
    self.opset = opset
  }
}

/// One operator applied to values. A missing optional operand is nil.
public struct GraphNode: Sendable {
  /// The node's name in the file, or one made from its operator and first output.
  public var name: String
  /// The operator's ONNX name.
  public var operatorName: String
  public var operation: any Operator
  public var inputs: [ValueID?]
  public var outputs: [ValueID?]

  public init(
    name: String, operatorName: String, operation: any Operator, inputs: [ValueID?], outputs: [ValueID?]
  ) {
    self.name = name
    self.operatorName = operatorName
    self.operation = operation
    self.inputs = inputs
    self.outputs = outputs
  }

  /// The input at a position; nil where it is missing.
  public func input(_ position: Int) -> ValueID? { position < inputs.count ? inputs[position] : nil }
}

/// What a model is fed.
public struct GraphInput: Sendable {
  public var name: String
  public var value: ValueID
  public var dimensions: [Dimension]
  public var type: ElementType

  public init(name: String, value: ValueID, dimensions: [Dimension], type: ElementType) {
    self.name = name
    self.value = value
    self.dimensions = dimensions
    self.type = type
  }

  /// An extent of an input.
  public enum Dimension: Sendable, Hashable, CustomStringConvertible {
    case fixed(Int)
    /// Open, with the name that the file gives it (possibly empty).
    case symbolic(String)

    public var description: String {
      switch self {
      case .fixed(let extent): String(extent)
      case .symbolic(let name): name.isEmpty ? "?" : name
      }
    }
  }
}
