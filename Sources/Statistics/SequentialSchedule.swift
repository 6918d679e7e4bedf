// When a sequential test looks at the votes, and how much of the error level each look may spend.

/// The looks of a group-sequential test as fractions of the largest number of trials, with their shares of alpha.
///
/// Fractions are whole parts per million and shares whole percents, so that every machine computes the same looks.
public struct SequentialSchedule: Sendable, Equatable {
  /// The name that a certificate records.
  public let name: String
  /// Increasing parts per million of the largest number of trials; the last is 1,000,000.
  public let partsPerMillion: [Int]
  /// Percent of alpha per look, adding up to 100.
  public let sharesPercent: [Int]

  /// - Throws: `StatisticsError.invalidSchedule` when the lists do not fit the description above.
  public init(name: String, partsPerMillion: [Int], sharesPercent: [Int]) throws(StatisticsError) {
    guard !partsPerMillion.isEmpty, partsPerMillion.count == sharesPercent.count else {
      throw .invalidSchedule("give one share of alpha for each look, and at least one look.")
    }
    guard partsPerMillion.last == 1_000_000, partsPerMillion[0] > 0,
      zip(partsPerMillion, partsPerMillion.dropFirst()).allSatisfy(<)
    else { throw .invalidSchedule("the looks must increase and end at the full number of samples.") }
    guard sharesPercent.allSatisfy({ $0 >= 0 }), sharesPercent.reduce(0, +) == 100 else {
      throw .invalidSchedule("the shares of alpha must be nonnegative and add up to 100 percent.")
    }
    self.init(trusted: name, partsPerMillion, sharesPercent)
  }

  private init(trusted name: String, _ partsPerMillion: [Int], _ sharesPercent: [Int]) {
    self.name = name
    self.partsPerMillion = partsPerMillion
    self.sharesPercent = sharesPercent
  }

  /// Six looks at .002, .01, .05, .2, .5 and 1 with 2, 3, 5, 10, 10 and 70 % of alpha.
  public static let standard = SequentialSchedule(
    trusted: "standard", [2_000, 10_000, 50_000, 200_000, 500_000, 1_000_000], [2, 3, 5, 10, 10, 70])

  /// Sixteen looks in geometric progression from .001 to 1 with 2 % of alpha each and 70 % on the last.
  public static let geometric = SequentialSchedule(
    trusted: "geometric",
    [
      1_000, 1_585, 2_512, 3_981, 6_310, 10_000, 15_849, 25_119, 39_811, 63_096, 100_000, 158_489, 251_189, 398_107,
      630_957, 1_000_000,
    ], [Int](repeating: 2, count: 15) + [70])

  /// The schedules that have a name.
  public static let named: [SequentialSchedule] = [.standard, .geometric]

  /// The looks for a largest number of trials: fractions rounded up, duplicates dropped with their share going to the
  /// next look that stays. `alphaSpent` is cumulative, rounded down, and at most alpha at the last look.
  public func looks(maximumTrials n: Int, alpha: Double) -> [(trials: Int, alphaSpent: Double)] {
    var looks: [(trials: Int, alphaSpent: Double)] = []
    var percent = 0
    for (index, parts) in partsPerMillion.enumerated() {
      percent += sharesPercent[index]
      let (high, low) = n.multipliedFullWidth(by: parts)
      let (quotient, remainder) = 1_000_000.dividingFullWidth((high, low))
      let trials = quotient + (remainder > 0 ? 1 : 0)
      // The share in percent is exact; the product is rounded down before it is divided, and the quotient again.
      let spent = percent == 100 ? alpha : max(0, ((alpha * Double(percent)).nextDown / 100).nextDown)
      if looks.last?.trials == trials {
        // A look that coincides with the next one is the dropped one: the later entry carries both shares.
        looks[looks.count - 1].alphaSpent = spent
      } else {
        looks.append((trials, spent))
      }
    }
    return looks
  }
}
