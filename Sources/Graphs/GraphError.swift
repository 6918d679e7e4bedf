// What can be wrong with a network, in sentences for the user.

/// Why a network cannot be used. The text names the node and, where there is one, the next step.
public enum GraphError: Error, CustomStringConvertible, Sendable {
  /// Everything that is not supported, collected over the whole model.
  case unsupported(model: String, problems: [String])
  /// A node whose operands do not fit.
  case node(name: String, operatorName: String, reason: String)
  /// The model cannot be run on batches.
  case batch(reason: String)
  /// The inputs do not fit what the caller asked for.
  case input(name: String, reason: String)
  /// Unrolled, the weights would take more memory than there is.
  case tooLarge(model: String, bytes: Double, limit: Int)
  /// The graph itself is broken.
  case malformed(String)
  /// The network and its int8 scales do not go together.
  case quantization(String)

  public var description: String {
    switch self {
    case .unsupported(let model, let problems):
      "the model \(model) needs what is not supported: " + problems.joined(separator: "; ")
        + ". Export it with other operators, or simplify it first."
    case .node(let name, let operatorName, let reason): "node \(name) (\(operatorName)): \(reason)."
    case .batch(let reason): "the model cannot be run on batches: \(reason)."
    case .input(let name, let reason): "input \(name): \(reason)."
    case .tooLarge(let model, let bytes, let limit):
      "the model \(model) takes about \(Int(bytes / 0x1p20)) MiB once its weights are unrolled, more than the "
        + "\(limit >> 20) MiB that it may; raise --memory."
    case .malformed(let reason): "the model is malformed: \(reason)."
    case .quantization(let reason): "\(reason)."
    }
  }
}

/// What an operator says against its attributes or operands; the graph adds the node's name.
public struct OperatorError: Error, CustomStringConvertible, Sendable {
  public let description: String
  /// True if samples of a batch would influence each other.
  public let mixesSamples: Bool

  public init(_ description: String, mixesSamples: Bool = false) {
    self.description = description
    self.mixesSamples = mixesSamples
  }

  /// The error of an operator that lets the samples of a batch influence each other.
  public static func mixing(_ what: String) -> OperatorError { OperatorError(what, mixesSamples: true) }
}
