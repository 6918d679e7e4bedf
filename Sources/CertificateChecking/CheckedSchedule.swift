import BigInt

/// A named schedule of looks as the checker knows it: parts per million of n, rounded up, and the share of alpha that may
/// be spent up to each look. Looks that coincide are one, with the later share.
package struct CheckedSchedule: Sendable {
  private let fractions: [(partsPerMillion: Int, percent: Int)]

  /// "standard" or "geometric"; nil for any other name.
  package init?(named name: String) {
    switch name {
    case "standard":
      fractions = [(2000, 2), (10_000, 3), (50_000, 5), (200_000, 10), (500_000, 10), (1_000_000, 70)]
    case "geometric":
      let parts = [
        1000, 1585, 2512, 3981, 6310, 10_000, 15_849, 25_119, 39_811, 63_096, 100_000, 158_489, 251_189, 398_107,
        630_957,
      ]
      fractions = parts.map { ($0, 2) } + [(1_000_000, 70)]
    default: return nil
    }
  }

  /// The looks at n samples, with the share of alpha that may be spent by then.
  package func looks(samples n: Int) -> [(samples: Int, share: ExactRational)] {
    var looks: [(samples: Int, share: ExactRational)] = []
    var percent = 0
    for fraction in fractions {
      percent += fraction.percent
      let product = BigInt(n) * BigInt(fraction.partsPerMillion)
      let samples = Int((product + 999_999) / 1_000_000)
      if looks.last?.samples == samples { looks.removeLast() }
      looks.append((samples, ExactRational(percent, over: 100)))
    }
    return looks
  }
}
