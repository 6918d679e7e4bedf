// What a caller decides about bounds by gather blocks.

import Glibc
import Networks

/// The arithmetic of the bounds.
public enum GatherPrecision: String, Sendable, CaseIterable {
  case binary32, binary64
}

/// How the bounds of a region are found.
public struct GatherOptions: Sendable {
  public var precision: GatherPrecision
  public var semantics: Semantics
  /// False leaves every error term out: for measuring what rounding-safety costs, never for a verdict.
  public var isRoundingSafe: Bool
  public var threads: Int
  /// Steps of slope optimisation for the bounds of each intermediate layer, once the plain ones are known; 0: none.
  public var intermediateIterations: Int
  /// When the optimisation of intermediate bounds must end; nil: it is finished.
  public var intermediateDeadline: ContinuousClock.Instant?
  /// When all bounds of the region must be there, or there are none.
  public var deadline: ContinuousClock.Instant?
  /// Rows that a binary32 bound fails to prove only because of its error are bounded again in binary64.
  public var repeatsInBinary64: Bool
  public var rates: AscentRates
  public var intermediateRates: AscentRates
  /// Instruction set: 2 AVX-512, 1 AVX2, 0 portable; at most what the processor has.
  package var level: Int32 = 2
  /// Every block multiplies with all rows of its neighbours, zeros included: matrix products instead of gather lists.
  package var isDense = false
  /// Error terms that are left out, so that tests can show that each is needed.
  package var omitted: Set<ErrorTerm> = []

  public init(
    precision: GatherPrecision = .binary32, semantics: Semantics = .real, isRoundingSafe: Bool = true,
    threads: Int = 2, intermediateIterations: Int = 0, intermediateDeadline: ContinuousClock.Instant? = nil,
    deadline: ContinuousClock.Instant? = nil,
    repeatsInBinary64: Bool = true, rates: AscentRates = AscentRates(),
    intermediateRates: AscentRates = AscentRates(slope: 0.1)
  ) {
    self.precision = precision
    self.semantics = semantics
    self.isRoundingSafe = isRoundingSafe
    self.threads = threads
    self.intermediateIterations = intermediateIterations
    self.intermediateDeadline = intermediateDeadline
    self.deadline = deadline
    self.repeatsInBinary64 = repeatsInBinary64
    self.rates = rates
    self.intermediateRates = intermediateRates
  }
}

/// Step sizes of Adam, which fall geometrically to `last` of their size within one ascent: few steps end as finely as
/// many.
public struct AscentRates: Sendable {
  public var slope: Double
  public var multiplier: Double
  public var last: Double

  public init(slope: Double = 0.1, multiplier: Double = 0.3, last: Double = 0.35) {
    self.slope = slope
    self.multiplier = multiplier
    self.last = last
  }

  /// By what the sizes shrink in each of so many steps.
  package func decay(steps: Int) -> Double { exp(log(last) / Double(max(steps, 1))) }
}

/// The parts of the error account, by the names of data/soundness.
package enum ErrorTerm: String, Sendable, CaseIterable {
  case affine, bias, intercept, concretise, floor, forward, constant, intermediate
}

/// Why a network cannot be bounded this way.
public enum GatherError: Error, CustomStringConvertible, Sendable {
  case unsupported(layer: String, relation: String)
  case tooLarge(entries: Int)
  case noFloat32Claim(String)

  public var description: String {
    switch self {
    case .unsupported(let layer, let relation):
      "Layer \(layer) is \(relation), which gather blocks do not bound; use the general engine."
    case .tooLarge(let entries):
      "The network has \(entries) weights after unrolling, too many for gather blocks; use the general engine."
    case .noFloat32Claim(let problem):
      "No bound can speak about binary32 evaluations of this network (\(problem)); use --semantics real."
    }
  }
}
