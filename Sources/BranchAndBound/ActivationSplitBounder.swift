// What a search over activation splits asks of whoever computes bounds (a plain reference, gather blocks on the CPU,
// the same on OpenCL).

import Networks

/// Rigorous lower bounds of rows on parts of a region that are cut by splits of ReLUs at 0 (Wang et al. 2021,
/// beta-CROWN). The bounds of intermediate neurons are those of the root, cut by the splits.
public protocol ActivationSplitBounder: Sendable {
  /// The region's bounds of all neurons, rounded outward.
  var lower: [Double] { get }
  var upper: [Double] { get }
  /// The operands of ReLU that are unstable on the region, ascending; a position in this list is called a slot.
  var slots: [Int] { get }
  /// The slopes behind `lower` and `upper` where they are not the default ones, for proofs.
  var rootSlopes: [ProofTree.RootSlopes] { get }
  /// How many items at once keep the device busy.
  var preferredBatch: Int { get }

  /// Bounds items, after `iterations` steps of gradient ascent (Adam) on slopes and multipliers, which start at what the
  /// items bring. The best bound over all steps is kept, with the slopes and multipliers that gave it. Stops early for
  /// items that are proven, and at the deadline with what there is.
  func bound(
    _ items: [SplitItem], iterations: Int, deadline: ContinuousClock.Instant
  ) async throws -> [SplitBound]

  /// A bounder for the part that splits cut out of this one's: the bounds of all operands that are unstable and not
  /// split are computed anew, with default slopes. Split operands keep their bounds. It works on so many threads. nil
  /// if there is no such bounder.
  func narrowed(
    to splits: [NeuronSplit], threads: Int, deadline: ContinuousClock.Instant
  ) async throws -> NarrowedBounder?

  /// A bounder for the points of that part where a row is at most 0, so for refuting this row's clause only: the
  /// bounds of its undecided neurons are those of the row's constraint too. nil if there is no such bounder.
  func constrained(
    by row: Int, splits: [NeuronSplit], options: ConstrainedBounds
  ) async throws -> ConstrainedBounder?
}

extension ActivationSplitBounder {
  public var rootSlopes: [ProofTree.RootSlopes] { [] }

  public func narrowed(
    to splits: [NeuronSplit], threads: Int, deadline: ContinuousClock.Instant
  ) async throws -> NarrowedBounder? { nil }

  public func constrained(
    by row: Int, splits: [NeuronSplit], options: ConstrainedBounds
  ) async throws -> ConstrainedBounder? { nil }
}

/// How bounds under a row's constraint are found.
public struct ConstrainedBounds: Sendable {
  /// Steps of ascent for each bound.
  public var iterations: Int
  public var threads: Int
  public var deadline: ContinuousClock.Instant
  /// The row's best slopes so far, by slot; empty: the default ones.
  public var slopes: [Float]
  /// Weights of the row that the bounds of before had; they are where the ascent starts.
  public var weights: [NeuronSide: Float]

  public init(
    iterations: Int, threads: Int, deadline: ContinuousClock.Instant, slopes: [Float] = [],
    weights: [NeuronSide: Float] = [:]
  ) {
    self.iterations = iterations
    self.threads = threads
    self.deadline = deadline
    self.slopes = slopes
    self.weights = weights
  }
}

/// The lower or upper bound of a neuron.
public struct NeuronSide: Sendable, Hashable {
  public var neuron: Int
  public var isLower: Bool

  public init(neuron: Int, isLower: Bool) {
    self.neuron = neuron
    self.isLower = isLower
  }
}

/// What bounding under a row's constraint came to.
public struct ConstrainedBounder: Sendable {
  public var result: NarrowedBounder
  /// The bounds that became tighter, and how.
  public var bounds: [ProofTree.NeuronBound]
  public var weights: [NeuronSide: Float]
  /// The largest share, over layers, of the width of the undecided neurons' bounds that is gone.
  public var gain: Double

  public init(
    result: NarrowedBounder, bounds: [ProofTree.NeuronBound], weights: [NeuronSide: Float], gain: Double
  ) {
    self.result = result
    self.bounds = bounds
    self.weights = weights
    self.gain = gain
  }
}

/// What bounding a part anew came to.
public enum NarrowedBounder: Sendable {
  /// The part holds no point.
  case empty
  case part(any ActivationSplitBounder)
}

/// The half of a region where an operand of ReLU has one sign.
public struct NeuronSplit: Sendable, Hashable {
  public var neuron: Int
  /// True: z >= 0; false: z <= 0.
  public var isActive: Bool

  public init(neuron: Int, isActive: Bool) {
    self.neuron = neuron
    self.isActive = isActive
  }
}

/// One row on one part of the region.
public struct SplitItem: Sendable {
  /// Index into the case's rows.
  public var row: Int
  /// Slots that are split, in the order of the path from the root.
  public var splits: [Split]
  /// The lower slope in [0, 1] of each slot; empty: 1 where u > -l, else 0. Slots that are split ignore theirs.
  public var slopes: [Float]
  /// One for each split, >= 0; missing ones are 0.
  public var multipliers: [Float]

  public init(row: Int, splits: [Split] = [], slopes: [Float] = [], multipliers: [Float] = []) {
    self.row = row
    self.splits = splits
    self.slopes = slopes
    self.multipliers = multipliers
  }
}

public struct Split: Sendable, Hashable {
  public var slot: Int32
  /// True: z >= 0; false: z <= 0.
  public var isActive: Bool

  public init(slot: Int32, isActive: Bool) {
    self.slot = slot
    self.isActive = isActive
  }
}

public struct SplitBound: Sendable {
  /// phi >= bound on the part, every error subtracted. NaN or -infinity: no bound.
  public var bound: Double
  /// The bound before errors were subtracted, to tell what fails only by rounding.
  public var estimate: Double
  public var slopes: [Float]
  public var multipliers: [Float]
  /// How much each slot costs the bound (0 for slots that are split): the intercept term |min(a, 0)| u l / (u - l)
  /// and the like; larger is a better candidate for splitting.
  public var scores: [Float]
  /// The input at which the linear bound is least.
  public var minimizer: [Double]

  public init(
    bound: Double, estimate: Double, slopes: [Float], multipliers: [Float], scores: [Float], minimizer: [Double]
  ) {
    self.bound = bound
    self.estimate = estimate
    self.slopes = slopes
    self.multipliers = multipliers
    self.scores = scores
    self.minimizer = minimizer
  }
}
