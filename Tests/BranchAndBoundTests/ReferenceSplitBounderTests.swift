import BranchAndBound
import Networks
import Testing

/// The bounds of parts of a region never exceed a value there, and ascent does what its gradients promise.
@Suite struct ReferenceSplitBounderTests {
  private func options() -> SearchOptions { SearchOptions(deadline: .now + .seconds(100)) }

  @Test func noSampledPointEscapes() async throws {
    var points = 0
    for seed in 0..<60 as Range<UInt64> {
      var random = SmallRandom(seed)
      let widths = [3, 6, 6, 3]
      let network = RandomNetworks.network(widths, &random, skips: seed % 2 == 0)
      var region = RandomNetworks.region(network, &random, shift: 0)
      if seed % 3 == 0 {
        let norm: Property.Ball.Norm = seed % 2 == 0 ? .l2 : .l1
        let centre = zip(region.lower, region.upper).map { ($0 + $1) / 2 }
        region.ball = .init(norm: norm, centre: centre, radius: 0.8)
      }
      let bounder = try ReferenceSplitBounder(SearchProblem(network: network, verificationCase: region), options())
      var items: [SplitItem] = []
      for row in region.rows.indices {
        for _ in 0..<4 {
          let splits = (0..<bounder.slots.count).filter { _ in random.next() > 0.5 }
            .map { Split(slot: Int32($0), isActive: random.next() > 0) }
          items.append(
            SplitItem(
              row: row, splits: splits, slopes: bounder.slots.map { _ in Float(random.next() + 1) / 2 },
              multipliers: splits.map { _ in Float(random.next() + 1) }))
        }
      }
      let bounds = try await bounder.bound(items, iterations: Int(seed % 5) * 4, deadline: .now + .seconds(100))
      for _ in 0..<400 {
        let point = RandomNetworks.point(region, &random)
        if let ball = region.ball {
          let distances = zip(point, ball.centre).map { ($0 - $1).magnitude }
          let norm =
            ball.norm == .l1 ? distances.reduce(0, +) : distances.reduce(0) { $0 + $1 * $1 }.squareRoot()
          guard norm <= ball.radius * 0.9999999 else { continue }
        }
        let values = network.evaluate(point)
        for neuron in values.indices {
          // Rounding of the evaluation itself is below 1e-13 here.
          #expect(values[neuron] >= bounder.lower[neuron] - 1e-13 && values[neuron] <= bounder.upper[neuron] + 1e-13)
        }
        for (item, bound) in zip(items, bounds) {
          let isInside = item.splits.allSatisfy { split in
            let z = values[bounder.slots[Int(split.slot)]]
            return split.isActive ? z >= 0 : z <= 0
          }
          guard isInside else { continue }
          points += 1
          #expect(RandomNetworks.value(region.rows[item.row], values) >= bound.bound - 1e-13, "seed \(seed)")
        }
      }
    }
    #expect(points > 5_000)
  }

  @Test func ascentOnlyImproves() async throws {
    var gained = 0.0
    for seed in 100..<130 as Range<UInt64> {
      var random = SmallRandom(seed)
      let network = RandomNetworks.network([4, 10, 10, 2], &random)
      let region = RandomNetworks.region(network, &random, shift: -2)
      let bounder = try ReferenceSplitBounder(SearchProblem(network: network, verificationCase: region), options())
      guard let slot = bounder.slots.indices.first else { continue }
      let item = SplitItem(row: 0, splits: [Split(slot: Int32(slot), isActive: true)])
      let plain = try await bounder.bound([item], iterations: 0, deadline: .now + .seconds(100))[0]
      let better = try await bounder.bound([item], iterations: 50, deadline: .now + .seconds(100))[0]
      #expect(better.bound >= plain.bound)
      gained += better.bound - plain.bound
      // What it returns reproduces its bound.
      var again = item
      again.slopes = better.slopes
      again.multipliers = better.multipliers
      let replayed = try await bounder.bound([again], iterations: 0, deadline: .now + .seconds(100))[0]
      #expect(replayed.bound == better.bound)
    }
    #expect(gained > 1)
  }

  @Test func semanticsOfBinary32WidensBounds() throws {
    var random = SmallRandom(7)
    let network = RandomNetworks.network([3, 5, 5, 2], &random)
    let problem = SearchProblem(
      network: network, verificationCase: RandomNetworks.region(network, &random, shift: 0))
    let real = try ReferenceSplitBounder(problem, options())
    var both = options()
    both.semantics = .both
    let wide = try ReferenceSplitBounder(problem, both)
    for neuron in network.outputs {
      #expect(wide.lower[neuron] < real.lower[neuron] - 1e-8 && wide.upper[neuron] > real.upper[neuron] + 1e-8)
    }
  }

  @Test func otherFunctionsAreNamed() {
    let layers = [
      Network.Layer(name: "x", neurons: 0..<1, relation: .input),
      Network.Layer(name: "y", neurons: 1..<2, relation: .function(.tanh, of: 0)),
    ]
    let region = VerificationCase(
      lower: [0], upper: [1], rows: [.init(neurons: [1], coefficients: [1], constant: 0)], clauses: [[0]])
    #expect(throws: SplitBoundError.self) {
      try ReferenceSplitBounder(
        SearchProblem(
          network: Network(name: "tanh", layers: layers, outputLayer: 1), verificationCase: region), options())
    }
  }
}
