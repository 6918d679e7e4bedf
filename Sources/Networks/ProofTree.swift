// The closed search tree of one case: which parts the region was cut into, and how each part is refuted.
//
// Nothing here is trusted: whoever replays the tree recomputes every bound. Slopes and multipliers are hints, since any
// slope in [0, 1] and any multiplier >= 0 gives a valid bound.

/// The tree of one property case, in preorder.
public struct ProofTree: Sendable {
  /// Slopes for the intermediate bounds of the root; empty where the default slopes serve.
  public var rootSlopes: [RootSlopes]
  public var nodes: [Node]

  public init(rootSlopes: [RootSlopes] = [], nodes: [Node] = []) {
    self.rootSlopes = rootSlopes
    self.nodes = nodes
  }

  public enum Node: Sendable {
    /// Two subtrees follow: the part with x_input <= at, then the part with x_input >= at.
    case splitInput(Int, at: Double)
    /// Two subtrees follow: the part where the neuron (an operand of a function, by number) is <= at, then >= at.
    case splitNeuron(Int, at: Double)
    /// One subtree follows, for the box that is left when every part is cut off where the input-linear bounds of the
    /// rows refute all clauses that are not refuted on the whole part (soundness.md 1.7).
    case clip
    /// One subtree follows, for the box that is left when every part is cut off where quadratic bounds of these
    /// combinations of rows refute all clauses that are not refuted on the whole part.
    case quadratic([Combination])
    /// One subtree follows, for the same part: the bounds of all neurons that are undecided there and not split above
    /// are computed anew, in order, with default slopes, and hold in the whole subtree.
    case bounds
    /// One subtree follows, for the same part: single bounds of neurons that hold on its points where the clause is
    /// violated, each by a backward pass of its own. Only where one clause is to be refuted: below `clauses`, or in a
    /// case that has no other.
    case neuronBounds([NeuronBound])
    case leaf(Leaf)
    /// Only as the first node: one subtree for each clause of the case follows, in order. The i-th covers the whole
    /// region and refutes clause i alone, so every leaf in it has exactly one refutation, that of clause i.
    case clauses
  }

  /// sum weight_i phi_i over rows of the case with weights >= 0; it speaks about every clause that has all of them.
  public struct Combination: Sendable {
    public var rows: [(row: Int, weight: Float)]

    public init(rows: [(row: Int, weight: Float)]) { self.rows = rows }
  }

  /// A part of the region on which every clause is refuted.
  public struct Leaf: Sendable {
    /// True if the bounds of all intermediate neurons are to be computed for this part (input splits); false if those
    /// of the root serve, cut by the neuron splits above (splits of activations).
    public var recomputesBounds: Bool
    /// One for each clause in order (below `clauses`: one, for the subtree's clause); empty where the default slopes
    /// and each clause's best row refute every clause.
    public var refutations: [Refutation]

    public init(recomputesBounds: Bool, refutations: [Refutation] = []) {
      self.recomputesBounds = recomputesBounds
      self.refutations = refutations
    }
  }

  /// How one clause is refuted on a leaf: the combination sum weight_i phi_i of its rows is positive.
  public struct Refutation: Sendable {
    /// Rows of the case (indices into `VerificationCase.rows`) with nonnegative weights. Empty: the part holds no
    /// point at all, which the multipliers alone show (the bound of 0 is positive).
    public var rows: [(row: Int, weight: Float)]
    /// Slopes for the backward pass of the combination; the default elsewhere.
    public var slopes: [Slope]
    /// Multipliers of the neuron splits above the leaf, in the order of the path from the root; missing ones are 0.
    public var splitMultipliers: [Float]
    /// Multipliers of the case's input rows, by index; missing ones are 0.
    public var inputMultipliers: [Float]
    /// Lines of several neurons of the first ReLU layer together. A ReLU belongs to the first line that names all
    /// inputs which its operand reads; those that belong to none have lines of their own.
    public var jointLines: [JointLine]

    public init(
      rows: [(row: Int, weight: Float)], slopes: [Slope] = [], splitMultipliers: [Float] = [],
      inputMultipliers: [Float] = [], jointLines: [JointLine] = []
    ) {
      self.rows = rows
      self.slopes = slopes
      self.splitMultipliers = splitMultipliers
      self.inputMultipliers = inputMultipliers
      self.jointLines = jointLines
    }
  }

  /// sum a_j relu(z_j) >= slopes . x + intercept on the part, over the ReLUs that belong to it, with a_j the
  /// coefficients that the backward pass brings to them (Lagrangian decomposition over receptive fields).
  public struct JointLine: Sendable, Hashable {
    /// Indices of inputs, ascending.
    public var inputs: [Int32]
    /// One for each input.
    public var slopes: [Float]
    public var intercept: Float

    public init(inputs: [Int32], slopes: [Float], intercept: Float) {
      self.inputs = inputs
      self.slopes = slopes
      self.intercept = intercept
    }
  }

  /// One bound of one neuron where a clause is violated: z, or -z for the upper bound, is at least the least value of
  /// z (or -z) + sum weight_i phi_i + the multipliers' terms, because none of the terms added is positive there
  /// (output constraints in intermediate bounds, Kotha et al. 2023, INVPROP).
  public struct NeuronBound: Sendable {
    public var neuron: Int
    public var isLower: Bool
    public var terms: Refutation

    public init(neuron: Int, isLower: Bool, terms: Refutation) {
      self.neuron = neuron
      self.isLower = isLower
      self.terms = terms
    }
  }

  /// The slope of the lower line of one unstable neuron, as parts of 255. For ReLU the line's slope itself; the default
  /// is 1 where u > -l and 0 elsewhere. For other functions the position of the tangent point between l (0) and u (255)
  /// on the side where the line is a tangent.
  public struct Slope: Sendable, Hashable {
    /// The function's operand, by number: it serves every function of that operand. Or -1 - j for the one function or
    /// product j; a product's planes lie between McCormick's two (255: through both lower ends below, through the
    /// upper end of the left factor and the lower end of the right one above).
    public var neuron: Int32
    public var lower: UInt8
    /// The same for the upper line; ReLU ignores it.
    public var upper: UInt8

    public init(neuron: Int32, lower: UInt8, upper: UInt8 = 0) {
      self.neuron = neuron
      self.lower = lower
      self.upper = upper
    }
  }

  /// Slopes for the bounds of one neuron at the root.
  public struct RootSlopes: Sendable, Equatable {
    public var neuron: Int
    /// Which bound they serve.
    public var isLower: Bool
    public var slopes: [Slope]

    public init(neuron: Int, isLower: Bool, slopes: [Slope]) {
      self.neuron = neuron
      self.isLower = isLower
      self.slopes = slopes
    }
  }
}
