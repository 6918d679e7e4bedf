import CertificateChecking
import TestSupport
import Testing

/// P[Bin(n, p) >= k] as (k, n, p, value), summed by mpmath 1.3.0 at 110 digits, printed with 50.
private let referenceTails: [(Int, Int, String, String)] = [
  (7, 10, "0.5", "0.171875"),
  (66, 100, "0.5", "0.00089496519574342629653499132192139651279930182106775"),
  (30, 100, "0.5", "0.99998391999235216683423019937332315752348054102037"),
  (990, 1000, "0.9772", "0.0020390010603036603238242870662756372513783181335952"),
  (960, 1000, "0.9772", "0.99968180963461225019511672507323983830139665735937"),
  (9999, 10000, "0.999", "0.00049735899139295100985378921766116963110579069933683"),
  (1, 10000, "0.00001", "0.095163034385652485996958432838180078215609691984983"),
  (84500, 100000, "0.8413447460685429", "0.00076646870225655773872478734999978344395830243016228"),
  (97500, 100000, "0.97724986805182079", "0.99999876979097434791382059562097795232680782334524"),
  (100000, 100000, "0.84", "8.4841079971736868207368896922602307542444992746273e-7573"),
  (501000, 1_000_000, "0.5", "0.022804149932691043210154831018068511533804108163345"),
]

@Suite struct ExactBinomialTests {
  @Test func tailsEncloseTheKnownValues() throws {
    for (k, n, p, text) in referenceTails {
      let tail = try ExactBinomial.upperTail(atLeast: k, of: n, probability: ExactRational(decimal: p))
      let value = try ExactRational(decimal: text)
      let doubt = value * (try ExactRational(decimal: "1e-49"))
      let name = "k = \(k), n = \(n), p = \(p)"
      #expect(tail.lower <= value + doubt && value - doubt <= tail.upper, "\(name)")
      #expect(tail.upper - tail.lower <= value * powerOfTwo(-100), "\(name)")
    }
  }

  /// Against the defining sum in exact rationals.
  @Test func tailsEncloseTheExactSumOfSmallCases() throws {
    let seed: UInt64 = 11
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<60 {
      let n = Int.random(in: 1...40, using: &generator)
      let k = Int.random(in: 0...(n + 1), using: &generator)
      let p = ExactRational(Int.random(in: 1...9999, using: &generator), over: 10_000)
      var sum = ExactRational.zero
      var binomial = ExactRational.one
      for x in 0...n {
        if x > 0 { binomial = binomial * ExactRational(n - x + 1, over: x) }
        guard x >= k else { continue }
        var term = binomial
        for _ in 0..<x { term = term * p }
        for _ in x..<n { term = term * (.one - p) }
        sum = sum + term
      }
      let tail = try ExactBinomial.upperTail(atLeast: k, of: n, probability: p)
      #expect(
        tail.lower <= sum && sum <= tail.upper && tail.upper - tail.lower <= powerOfTwo(-100),
        "seed \(seed), n = \(n), k = \(k), p = \(p.approximation)")
    }
  }

  @Test func tailsAtTheEdgesAreExact() throws {
    let third = ExactRational(1, over: 3)
    #expect(try ExactBinomial.upperTail(atLeast: 0, of: 5, probability: third).lower == .one)
    #expect(try ExactBinomial.upperTail(atLeast: -3, of: 5, probability: third).lower == .one)
    #expect(try ExactBinomial.upperTail(atLeast: 6, of: 5, probability: third).upper == .zero)
    #expect(try ExactBinomial.upperTail(atLeast: 1, of: 5, probability: .zero).upper == .zero)
    #expect(try ExactBinomial.upperTail(atLeast: 5, of: 5, probability: .one).lower == .one)
    #expect(try ExactBinomial.upperTail(atLeast: 0, of: 0, probability: third).lower == .one)
    #expect(throws: StatisticsRejection.self) {
      try ExactBinomial.upperTail(atLeast: 1, of: 5, probability: ExactRational(11, over: 10))
    }
    #expect(throws: StatisticsRejection.self) {
      try ExactBinomial.upperTail(atLeast: 1, of: 2_000_000_000, probability: third)
    }
  }

  /// 2^(-10^9) is not written out, only bounded. (Compared outside of #expect, which would print the operands' digits.)
  @Test func tinyTailsStayCheap() throws {
    let tail = try ExactBinomial.upperTail(atLeast: 1_000_000_000, of: 1_000_000_000, probability: .half)
    let isOnlyBounded = tail.lower == .zero && tail.upper == powerOfTwo(-65_536)
    #expect(isOnlyBounded)
    let power = try ExactBinomial.upperTail(atLeast: 60_000, of: 60_000, probability: .half)
    let exact = powerOfTwo(-60_000)
    let isEnclosed = power.lower <= exact && exact <= power.upper
    let isSharp = (power.upper - power.lower) * powerOfTwo(60_000) <= powerOfTwo(-100)
    #expect(isEnclosed && isSharp)
  }

  @Test func theUpperBoundIsTheUpperEnd() throws {
    let p = try ExactRational(decimal: "0.8413447460685429")
    let tail = try ExactBinomial.upperTail(atLeast: 850, of: 1000, probability: p)
    let bound = try ExactBinomial.upperTailBound(atLeast: 850, of: 1000, probability: p)
    #expect(bound >= tail.lower && bound - tail.lower <= tail.lower * powerOfTwo(-100))
    #expect(bound >= tail.upper)
  }

  /// Rows of PREDICT and of one-sided p-values: not below the value, and above it by less than its last printed digit.
  @Test(.enabled(if: TestData.isAvailable(StatisticsVectors.smoothing), "needs the shared data folder"))
  func pValuesOfTheVectorFileAreBoundedFromAbove() throws {
    let twoSided = try StatisticsVectors.rows(StatisticsVectors.smoothing, "binom_pvalue_two_sided_half")
    let oneSided = try StatisticsVectors.rows(StatisticsVectors.smoothing, "binom_pvalue_greater")
    let digit = try ExactRational(decimal: "1e-24")
    for row in twoSided {
      let (top, n) = (row.integer("count1"), row.integer("n"))
      let bound = try CheckedPrediction.pValueBound(topVotes: top, secondVotes: n - top)
      let value = try rational(row.value)
      #expect((bound - value).magnitude <= value * digit, "\(row)")
    }
    for row in oneSided {
      let bound = try ExactBinomial.upperTailBound(
        atLeast: row.integer("k"), of: row.integer("n"), probability: row.number("tau"))
      let value = try rational(row.value)
      #expect((bound - value).magnitude <= value * digit, "\(row)")
    }
    #expect(twoSided.count == 12 && oneSided.count == 5)
  }
}
