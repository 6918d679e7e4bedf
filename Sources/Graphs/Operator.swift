// The contract between a layer type and everything else: what a node means, for whom it needs to.

import Primitives
import Tensors

/// A layer type with its attributes read: shape inference, meaning on the host and lowering to device steps.
///
/// One file per layer type conforms to it and one table lists them; nothing else asks which layer type a node has.
public protocol Operator: Sendable {
  /// The ONNX names that this type implements.
  static var names: [String] { get }

  /// Reads every attribute with the meaning of the operator-set version; a wrong one is an error, and one that is
  /// never asked for is reported as not understood.
  init(_ attributes: OperatorAttributes) throws

  /// The facts of the outputs (shape, type, batch axis) from those of the inputs. Throws where operands do not fit or
  /// samples of a batch would be mixed.
  func infer(_ inputs: [Fact?]) throws -> [Fact]

  /// The content of the outputs where it follows from facts alone, as for Shape; nil otherwise.
  func known(_ inputs: [Fact?]) -> [Tensor]?

  /// The operator for the shapes that were inferred, where its definition needs to know them.
  func bound(to outputs: [Fact]) -> any Operator

  /// The definition: outputs from inputs on the host, simple and slow, in Double or integers, rounded once per element.
  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor]

  /// Whether `evaluate` is exact on numbers of any type, since it moves or chooses and never computes.
  var isMovement: Bool { get }

  /// Records the device steps of a node.
  func lower(_ node: GraphNode, into lowering: inout Lowering) throws

  /// Expresses a node by relations between real neurons, exactly as it is written.
  func express(_ node: GraphNode, into expression: inout NetworkExpression) throws

  /// Multiply-adds of all samples together.
  func multiplyAdds(_ inputs: [Fact?], _ outputs: [Fact]) -> Int

  /// How the operator cares about the memory order of its first input.
  var layoutDemand: LayoutDemand { get }

  /// True if only the shape of the outputs, not their content, depends on the content of input `position`.
  func readsOnlyShape(from position: Int) -> Bool

  /// How the operator works on 8-bit levels; see `Quantization`.
  var levels: LevelTraits { get }

  /// What the rewriting rules may know of a node; see `RewritingRule`.
  var fusion: FusionTraits { get }
  /// The fused activation that the node is of its first input, if it is one.
  func activation(_ inputs: [Fact?]) -> FusedActivation?
  /// The operator with more done at the end of it; nil where it cannot.
  func absorbing(_ addition: Absorption) -> (any Operator)?
  /// A constant per-channel change of the first input that the node amounts to, given its known inputs and all shapes.
  func channelAffine(_ inputs: [Fact?], output: Fact) -> (ChannelAffine, of: Int)?
  /// The constant inputs to replace, by position, so that the result comes out scaled and shifted per channel of axis
  /// `affine.axis`; computed in Double and rounded once. Nil where the operator cannot.
  func absorbing(_ affine: ChannelAffine, inputs: [Fact?], output: Fact) -> [Int: Tensor]?
}

extension Operator {
  public func known(_ inputs: [Fact?]) -> [Tensor]? { nil }
  public func bound(to outputs: [Fact]) -> any Operator { self }
  public var isMovement: Bool { false }
  public func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    throw OperatorError("there are no bounds for this operator")
  }
  public func multiplyAdds(_ inputs: [Fact?], _ outputs: [Fact]) -> Int { 0 }
  public var layoutDemand: LayoutDemand { .none }
  public func readsOnlyShape(from position: Int) -> Bool { false }
  public var levels: LevelTraits { LevelTraits() }
  public var fusion: FusionTraits { FusionTraits() }
  public func activation(_ inputs: [Fact?]) -> FusedActivation? { nil }
  public func absorbing(_ addition: Absorption) -> (any Operator)? { nil }
  public func channelAffine(_ inputs: [Fact?], output: Fact) -> (ChannelAffine, of: Int)? { nil }
  public func absorbing(_ affine: ChannelAffine, inputs: [Fact?], output: Fact) -> [Int: Tensor]? { nil }
  public func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    throw OperatorError("it can only be computed when the model is loaded, but its operands depend on the input")
  }
}

/// What memory order an operator wants for its first input.
public enum LayoutDemand: Sendable {
  case none
  /// An image [N, C, H, W] with channels innermost.
  case channelsLast
  /// Whatever the consumers of its output want.
  case passesOn
  /// Whatever the consumers of its output want, whose axis i is the input's axis permutation[i].
  case permutes([Int])
}

/// What a node is to the rewriting rules.
public struct FusionTraits: Sendable {
  /// The node is the sum of its two inputs and nothing else.
  public var isAddition: Bool
  /// Where a residual that the operator adds before its activation stands among its inputs.
  public var residualPosition: Int?

  public init(isAddition: Bool = false, residualPosition: Int? = nil) {
    self.isAddition = isAddition
    self.residualPosition = residualPosition
  }
}

/// x * scale[c] + shift[c] along one axis.
public struct ChannelAffine: Sendable {
  public var scale: [Double]
  public var shift: [Double]
  public var axis: Int

  public init(scale: [Double], shift: [Double], axis: Int) {
    self.scale = scale
    self.shift = shift
    self.axis = axis
  }
}

/// What may be done at the end of an operator.
public enum Absorption: Sendable {
  case activation(FusedActivation)
  case residual
}
