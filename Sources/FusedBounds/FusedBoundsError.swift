// Why a network or case is not one for this engine.

/// A network that the fused engine cannot bound, with the reason and what to use instead.
public enum FusedBoundsError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A relation that is neither affine nor ReLU.
  case relation(String)
  /// More numbers than fit the fused layout.
  case tooLarge(String)
  /// Too many inputs that vary.
  case tooManyInputs(Int)
  case outOfMemory

  public var description: String {
    switch self {
    case .relation(let name):
      "Layer \(name) is neither affine nor ReLU, which fused input splits cannot bound; use a general search."
    case .tooLarge(let what):
      "The network has \(what), too many for fused input splits; use splits of activations instead."
    case .tooManyInputs(let count):
      "\(count) inputs vary, too many for splits of the input box to be complete; use splits of activations instead."
    case .outOfMemory: "There is not enough memory for the working set of a thread; give the run more memory."
    }
  }
}
