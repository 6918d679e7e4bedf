import Falsifier
import Networks
import Statistics
import TestSupport
import Testing

@Suite struct FalsifierSearchTests {
  private func options(
    seed: UInt64 = 0, rounds: Int? = 4, method: FalsifierOptions.Method = .both, threads: Int = 2, starts: Int = 64,
    steps: Int = 60, seconds: Int = 300
  ) -> FalsifierOptions {
    FalsifierOptions(
      seed: seed, starts: starts, steps: steps, rounds: rounds, deadline: .now + .seconds(seconds), threads: threads,
      method: method)
  }

  /// A network of random weights and a limit on one output that few inputs reach: the best of 20,000 random samples,
  /// moved 60 % further from the mean.
  private func hardCase(_ sizes: [Int], seed: UInt64) -> (Network, VerificationCase) {
    let network = RandomNetworks.dense(sizes, seed: seed)
    var generator = SeededGenerator(seed: seed + 100)
    var least = Double.infinity
    var sum = 0.0
    let samples = 2000
    for _ in 0..<samples {
      let value = network.outputs((0..<sizes[0]).map { _ in Double.random(in: -1...1, using: &generator) })[0]
      least = min(least, value)
      sum += value
    }
    let limit = least - 0.6 * (sum / Double(samples) - least)
    let row = VerificationCase.Row(neurons: [network.outputs.lowerBound], coefficients: [1], constant: -limit)
    return (network, RandomNetworks.unitCase(network, rows: [row], clauses: [[0]]))
  }

  @Test(arguments: 1...6)
  func findsWhatRandomSamplesMiss(seed: Int) async throws {
    let (network, target) = hardCase([20, 40, 40, 3], seed: UInt64(seed))
    let outcome = await Falsifier(network: network, target: target).search(options()) { _ in true }
    let found = try #require(outcome.accepted, "seed \(seed), best \(outcome.best)")
    let output = network.outputs(found.input)[0]
    #expect(output + target.rows[0].constant <= 0 && found.margin >= 0, "seed \(seed)")
    #expect(found.input.allSatisfy { abs($0) <= 1 && Double(Float($0)) == $0 }, "seed \(seed)")
  }

  @Test func sameSeedSameCandidatesWithAnyThreads() async throws {
    let (network, target) = hardCase([20, 40, 40, 3], seed: 2)
    let falsifier = Falsifier(network: network, target: target)
    var inputs: [[Double]] = []
    for threads in [1, 2, 2] {
      inputs.append(
        try #require(await falsifier.search(options(seed: 9, threads: threads)) { _ in true }.accepted).input)
    }
    #expect(inputs[0] == inputs[1] && inputs[1] == inputs[2])
    let other = try #require(await falsifier.search(options(seed: 10)) { _ in true }.accepted).input
    #expect(other != inputs[0])
  }

  @Test func refusedCandidatesDoNotEndTheSearch() async {
    let (network, target) = hardCase([20, 40, 40, 3], seed: 2)
    let outcome = await Falsifier(network: network, target: target).search(options(rounds: 3)) { _ in false }
    #expect(outcome.accepted == nil && outcome.refused > 0 && outcome.starts == 3 * 64)
    #expect(outcome.best <= 0)
  }

  @Test func aCallGoesOnWhereAnotherEnded() async {
    // Nothing is found at -1000, so that all rounds run: two at once, or one after the other.
    let network = RandomNetworks.dense([20, 40, 40, 3], seed: 3)
    let row = VerificationCase.Row(neurons: [network.outputs.lowerBound], coefficients: [1], constant: 1000)
    let falsifier = Falsifier(
      network: network, target: RandomNetworks.unitCase(network, rows: [row], clauses: [[0]]))
    let whole = await falsifier.search(options(rounds: 2)) { _ in true }
    let first = await falsifier.search(options(rounds: 1)) { _ in true }
    var next = options(rounds: 1)
    next.firstRound = 1
    next.nearby = first.nearby
    let second = await falsifier.search(next) { _ in true }
    #expect(whole.best == min(first.best, second.best) && whole.starts == first.starts + second.starts)
  }

  @Test func allRowsOfAClauseHold() async throws {
    // Y_0 <= 0 and Y_1 <= 0 and X_0 + X_1 >= 0.5, in three clauses of which two are impossible.
    let network = RandomNetworks.dense([6, 20, 3], seed: 4)
    let first = network.outputs.lowerBound
    let rows = [
      VerificationCase.Row(neurons: [first], coefficients: [1], constant: -0.1),
      VerificationCase.Row(neurons: [first + 1], coefficients: [1], constant: -0.1),
      VerificationCase.Row(neurons: [0, 1], coefficients: [-1, -1], constant: 0.5),
      VerificationCase.Row(neurons: [first], coefficients: [1], constant: 1000),
    ]
    let target = RandomNetworks.unitCase(network, rows: rows, clauses: [[3], [0, 1, 2], [0, 3]])
    let outcome = await Falsifier(network: network, target: target).search(options()) { _ in true }
    let found = try #require(outcome.accepted, "best \(outcome.best)")
    let values = network.evaluate(found.input)
    #expect(found.clause == 1 && found.input[0] + found.input[1] >= 0.5)
    #expect(values[first] <= 0.1 && values[first + 1] <= 0.1)
  }

  /// Softmax as exponentials of differences, a sum and a reciprocal, with scores 500 apart: outputs are 0 and 1 in
  /// binary32 and gradients vanish, but the way to the other label is found.
  @Test func saturatedSoftmaxShowsAWay() async throws {
    // z = 500 (x_0 + x_1, ...): y_0 = 1 / (1 + exp(d)), y_1 = 1 / (1 + exp(-d)), d = 250 (x_0 + ... + x_7) - 1500.
    var difference = SparseRows()
    difference.append((0..<8).map { (column: $0, value: 250.0) })
    difference.append((0..<8).map { (column: $0, value: -250.0) })
    var sum = SparseRows()
    sum.append([(column: 10, value: 1.0)])
    sum.append([(column: 11, value: 1.0)])
    let network = Network(
      name: "softmax",
      layers: [
        Network.Layer(name: "input", neurons: 0..<8, relation: .input),
        Network.Layer(
          name: "difference", neurons: 8..<10, relation: .affine(Affine(rows: difference, bias: [-1500, 1500]))),
        Network.Layer(name: "exponential", neurons: 10..<12, relation: .function(.exponential, of: 1)),
        Network.Layer(name: "sum", neurons: 12..<14, relation: .affine(Affine(rows: sum, bias: [1, 1]))),
        Network.Layer(name: "reciprocal", neurons: 14..<16, relation: .function(.reciprocal, of: 3)),
      ], outputLayer: 4)
    // Y_0 <= Y_1 needs a mean input of at least 3/4.
    let row = VerificationCase.Row(neurons: [14, 15], coefficients: [1, -1], constant: 0)
    let target = RandomNetworks.unitCase(network, rows: [row], clauses: [[0]])
    for method in [FalsifierOptions.Method.adam, .apgd] {
      let outcome = await Falsifier(network: network, target: target).search(options(rounds: 1, method: method)) {
        $0.reduce(0, +) >= 6
      }
      let found = try #require(outcome.accepted, "\(method), best \(outcome.best)")
      #expect(found.input.allSatisfy { abs($0) <= 1 })
    }
  }

  @Test func strictRowsAreNotMetByEquality() async {
    // The network is constant 1: "Y <= 1" holds everywhere, "Y < 1" nowhere.
    var rows = SparseRows()
    rows.append([(column: 0, value: 0.0)])
    let network = Network(
      name: "constant",
      layers: [
        Network.Layer(name: "input", neurons: 0..<1, relation: .input),
        Network.Layer(name: "one", neurons: 1..<2, relation: .affine(Affine(rows: rows, bias: [1]))),
      ], outputLayer: 1)
    for isStrict in [false, true] {
      let row = VerificationCase.Row(neurons: [1], coefficients: [1], constant: -1, isStrict: isStrict)
      let target = RandomNetworks.unitCase(network, rows: [row], clauses: [[0]])
      let outcome = await Falsifier(network: network, target: target).search(options(rounds: 1)) { _ in true }
      #expect((outcome.accepted == nil) == isStrict)
    }
  }

  @Test(arguments: [Property.Ball.Norm.l1, .l2])
  func ballsAndHalfSpacesAreKept(norm: Property.Ball.Norm) async throws {
    let network = RandomNetworks.dense([12, 30, 30, 2], seed: 8)
    let centre = [Double](repeating: 0.125, count: 12)
    let output = network.outputs.lowerBound
    // The ball's best linear step reaches about this far below the centre's output.
    let limit = network.outputs(centre)[0] - 0.15
    let target = VerificationCase(
      lower: Array(repeating: -1, count: 12), upper: Array(repeating: 1, count: 12),
      ball: VerificationCase.Ball(norm: norm, centre: centre, radius: 0.5),
      inputRows: [VerificationCase.Row(neurons: [0, 1], coefficients: [1, 1], constant: -0.3)],
      rows: [VerificationCase.Row(neurons: [output], coefficients: [1], constant: -limit)], clauses: [[0]])
    let outcome = await Falsifier(network: network, target: target).search(options()) { _ in true }
    let found = try #require(outcome.accepted, "best \(outcome.best)").input
    let offsets = zip(found, centre).map { $0 - $1 }
    let distance =
      norm == .l1
      ? offsets.reduce(0) { $0 + abs($1) } : offsets.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(distance <= 0.5 && found[0] + found[1] <= 0.3 && network.outputs(found)[0] <= limit)
  }

  /// Croce & Hein 2020 claim that APGD ends lower than descent with steps of a fixed schedule from the same starts: over
  /// eight networks with 64 starts and 40 steps its best loss is lower or equal on at least half of them, and on average.
  @Test func apgdEndsAtLeastAsLowAsAdam() async {
    var wins = 0
    var sums: [FalsifierOptions.Method: Double] = [.adam: 0, .apgd: 0]
    for seed in 1...8 {
      let network = RandomNetworks.dense([30, 60, 60, 60, 2], seed: UInt64(seed))
      let row = VerificationCase.Row(neurons: [network.outputs.lowerBound], coefficients: [1], constant: 1000)
      let falsifier = Falsifier(
        network: network, target: RandomNetworks.unitCase(network, rows: [row], clauses: [[0]]))
      var best: [FalsifierOptions.Method: Double] = [:]
      for method in [FalsifierOptions.Method.adam, .apgd] {
        let outcome = await falsifier.search(options(rounds: 1, method: method, steps: 40)) { _ in true }
        best[method] = outcome.best - 1000
        sums[method, default: 0] += outcome.best - 1000
      }
      print("apgd, seed \(seed): \(best[.apgd]!), adam: \(best[.adam]!)")
      if best[.apgd]! <= best[.adam]! { wins += 1 }
    }
    #expect(wins >= 4 && sums[.apgd]! <= sums[.adam]!, "\(wins) of 8, sums \(sums)")
  }

  @Test func deadlinesAreKept() async {
    let network = RandomNetworks.dense([400, 1200, 1200, 1200, 10], seed: 1)
    let row = VerificationCase.Row(neurons: [network.outputs.lowerBound], coefficients: [1], constant: 1e9)
    let falsifier = Falsifier(network: network, target: RandomNetworks.unitCase(network, rows: [row], clauses: [[0]]))
    let clock = ContinuousClock()
    let start = clock.now
    let options = FalsifierOptions(deadline: start + .milliseconds(300))
    let outcome = await falsifier.search(options) { _ in true }
    #expect(outcome.accepted == nil)
    #expect(!Timing.isMeasured || clock.now - start < .milliseconds(500), "\(clock.now - start)")
  }
}
