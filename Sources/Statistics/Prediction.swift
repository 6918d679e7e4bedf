// PREDICT: the smoothed prediction with abstention (Cohen, Rosenfeld, Kolter 2019, Figure 2; Hung, Fithian 2019).
//
// With top counts kA >= kB, p = min(1, 2 P[Bin(kA + kB, 1/2) >= kA]); the answer is A when p <= alpha, and then it is
// the most likely class of the table's noise with probability at least 1 - alpha. The total variation does not enter.

/// The smoothed prediction of one input.
public enum Prediction: Sendable, Equatable {
  /// The class, wrong as the smoothed classifier's top class with probability at most alpha.
  case certain(Int)
  /// The counts do not decide.
  case abstain

  /// Decides from vote counts per class; ties take the lowest index first (and abstain in the end).
  ///
  /// Votes for no class (nan logits) are simply absent. No votes, one class only with too few votes, and an alpha that
  /// is nan or outside (0, 1) abstain.
  public init(counts: [Int], alpha: Double) {
    self = .abstain
    guard alpha > 0, alpha < 1, var top = counts.indices.first else { return }
    for index in counts.indices where counts[index] > counts[top] { top = index }
    var runnerUp = 0
    for index in counts.indices where index != top { runnerUp = max(runnerUp, counts[index]) }
    if Prediction.twoSidedHalf(count: counts[top], total: counts[top] + runnerUp) <= alpha { self = .certain(top) }
  }

  /// The two-sided p-value of a fair coin, 2 P[Bin(n, 1/2) >= max(k, n - k)], rounded up and at most 1.
  public static func twoSidedHalf(count k: Int, total n: Int) -> Double {
    guard n > 0, k >= 0, k <= n else { return 1 }
    return min(1, 2 * Binomial.upperTailRoundedUp(atLeast: max(k, n - k), trials: n, probability: 0.5))
  }

  /// The fewest votes with which PREDICT can ever answer: the least n with 2^(1-n) <= alpha; nil for a damaged alpha.
  public static func minimumTrials(alpha: Double) -> Int? {
    guard alpha > 0, alpha < 1 else { return nil }
    var n = 1
    while 2 * Binomial.upperTailRoundedUp(atLeast: n, trials: n, probability: 0.5) > alpha { n += 1 }
    return n
  }
}
