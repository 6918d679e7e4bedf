// Parts of a region with bounds of their own: cut out by splits, by the constraint of a row, and by both in turn.

import BranchAndBound
import GatherBounds
import Networks
import TestSupport
import Testing

@Suite struct PartTests {
  /// A network with a bounder, and sampled points with the values of all neurons.
  private struct Subject {
    var network: Network
    var region: VerificationCase
    var bounder: GatherBounder
    var values: [[Double]]

    init(seed: UInt64, _ precision: GatherPrecision) async throws {
      network = seed % 3 == 0 ? RandomNetworks.residual(seed: seed) : RandomNetworks.dense(seed: seed)
      region = RandomNetworks.verificationCase(network, radius: [0.1, 0.3, 0.6][Int(seed / 3 % 3)], seed: seed)
      let network = network
      values = EscapeTests.points(region, 1500, seed: seed).map { network.evaluate($0) }
      // Half of the points violate the first row.
      let phi = values.map { [row = region.rows[0]] in EscapeTests.value(row, $0) }.sorted()
      region.rows[0].constant -= phi[phi.count / 2]
      bounder = try await GatherBounder(network, region, GatherOptions(precision: precision))
    }

    /// Splits that a sampled point takes, one after the other.
    func path(_ count: Int, _ generator: inout SeededGenerator) -> [NeuronSplit] {
      let point = values.randomElement(using: &generator)!
      return bounder.slots.shuffled(using: &generator).prefix(count).map {
        NeuronSplit(neuron: $0, isActive: point[$0] >= 0)
      }
    }

    /// The sampled points of a part.
    func points(_ path: [NeuronSplit]) -> [[Double]] {
      values.filter { point in path.allSatisfy { (point[$0.neuron] >= 0) == $0.isActive } }
    }

    func phi(_ values: [Double]) -> Double { EscapeTests.value(region.rows[0], values) }
  }

  /// Points, and bounds of neurons and of the first row, of a part whose splits are a path.
  private func expectInside(
    _ points: [[Double]], _ part: any ActivationSplitBounder, _ path: [NeuronSplit], _ subject: Subject, _ what: String
  ) async throws {
    for point in points {
      let escaped = point.indices.filter { !(part.lower[$0] <= point[$0] && point[$0] <= part.upper[$0]) }
      #expect(escaped.isEmpty, "neurons \(escaped), \(what)")
    }
    let slotOf = Dictionary(uniqueKeysWithValues: part.slots.enumerated().map { ($0.element, Int32($0.offset)) })
    let splits = path.compactMap { split in slotOf[split.neuron].map { Split(slot: $0, isActive: split.isActive) } }
    for iterations in [0, 6] {
      let item = SplitItem(row: 0, splits: splits, multipliers: splits.map { _ in 0 })
      let bound = try await part.bound([item], iterations: iterations, deadline: EscapeTests.far)[0].bound
      for point in points { #expect(bound <= subject.phi(point), "the row, \(what)") }
    }
  }

  private func width(_ bounder: any ActivationSplitBounder, _ neurons: [Int]) -> Double {
    neurons.reduce(0) { $0 + bounder.upper[$1] - bounder.lower[$1] }
  }

  @Test(arguments: GatherPrecision.allCases) func narrowedBoundsHoldOnTheirPart(_ precision: GatherPrecision)
    async throws
  {
    var (points, gains) = (0, 0)
    for seed: UInt64 in 1...24 {
      let subject = try await Subject(seed: seed, precision)
      var generator = SeededGenerator(seed: seed)
      let path = subject.path(4, &generator)
      guard path.count == 4 else { continue }
      let few = Array(path.prefix(2))
      for (whole, path) in [(few, path), ([], few)] {
        // From the region at once, and from a part of it.
        var start: any ActivationSplitBounder = subject.bounder
        if !whole.isEmpty {
          guard case .part(let part)? = try await start.narrowed(to: whole, threads: 2, deadline: EscapeTests.far)
          else {
            Issue.record("a part that holds a point is not empty, seed \(seed)")
            continue
          }
          start = part
        }
        guard case .part(let part)? = try await start.narrowed(to: path, threads: 2, deadline: EscapeTests.far) else {
          Issue.record("a part that holds a point is not empty, seed \(seed)")
          continue
        }
        let inside = subject.points(path)
        points += inside.count
        try await expectInside(inside, part, path, subject, "seed \(seed), \(precision), path \(path.count)")
        for neuron in 0..<subject.network.neuronCount {
          #expect(part.lower[neuron] >= start.lower[neuron] && part.upper[neuron] <= start.upper[neuron])
        }
        #expect(Set(part.slots).isSubset(of: subject.bounder.slots))
        if width(part, start.slots) < 0.98 * width(start, start.slots) { gains += 1 }
      }
    }
    // Most splits lie too near the outputs to move another neuron's bounds by much.
    #expect(points > 2000 && gains >= 5, "\(points) points, \(gains) gains")
  }

  @Test(arguments: GatherPrecision.allCases)
  func constrainedBoundsHoldWhereTheRowIsViolated(_ precision: GatherPrecision) async throws {
    var (points, gains, again) = (0, 0, 0)
    for seed: UInt64 in 1...24 {
      let subject = try await Subject(seed: seed, precision)
      var generator = SeededGenerator(seed: seed)
      let path = subject.path(3, &generator)
      guard path.count == 3 else { continue }
      // The region; a part; and a part of the region under the constraint.
      for few in [[], Array(path.prefix(1))] {
        var start: any ActivationSplitBounder = subject.bounder
        if !few.isEmpty,
          case .part(let part)? = try await start.narrowed(to: few, threads: 2, deadline: EscapeTests.far)
        {
          start = part
        }
        let options = ConstrainedBounds(iterations: 8, threads: 2, deadline: EscapeTests.far)
        guard let found = try await start.constrained(by: 0, splits: few, options: options) else { continue }
        let violating = subject.points(few).filter { subject.phi($0) <= 0 }
        let what = "seed \(seed), \(precision), \(few.count) splits"
        guard case .part(let part) = found.result else {
          #expect(violating.isEmpty, "empty, \(what)")
          continue
        }
        points += violating.count
        try await expectInside(violating, part, few, subject, what)
        let open = start.slots.filter { neuron in !few.contains { $0.neuron == neuron } }
        #expect(width(part, open) <= width(start, open))
        if width(part, open) < 0.98 * width(start, open) { gains += 1 }
        // Every bound that became tighter is told, for the proof.
        for neuron in open {
          for (isLower, moved) in [
            (true, part.lower[neuron] > start.lower[neuron]), (false, part.upper[neuron] < start.upper[neuron]),
          ] {
            #expect(!moved || found.bounds.contains { $0.neuron == neuron && $0.isLower == isLower }, "\(what)")
          }
        }
        // What is cut out of it keeps the constraint.
        switch try await part.narrowed(to: path, threads: 2, deadline: EscapeTests.far) {
        case .part(let smaller)?:
          let inside = subject.points(path).filter { subject.phi($0) <= 0 }
          again += inside.count
          try await expectInside(inside, smaller, path, subject, what + ", narrowed")
        case .empty?: #expect(!subject.points(path).contains { subject.phi($0) <= 0 }, "empty, \(what), narrowed")
        case nil: Issue.record("gather blocks narrow in real arithmetic")
        }
      }
    }
    #expect(points > 2000 && gains > 10 && again > 200, "\(points) points, \(gains) gains, \(again) narrowed")
  }

  /// x in [-1, 1] with x >= 0 and -x - 0.5 >= 0: no point. There relu(x) + relu(-x - 0.5) - 0.1 is -0.6, and on the
  /// whole region at least -0.1.
  @Test func splitsThatExcludeEachOtherLeaveNothing() async throws {
    let network = Network(
      name: "two signs",
      layers: [
        Network.Layer(name: "x", neurons: 0..<1, relation: .input),
        layer("z", 1..<3, [[(0, 1)], [(0, -1)]], [0, -0.5]),
        Network.Layer(name: "h", neurons: 3..<5, relation: .function(.relu, of: 1)),
        layer("w", 5..<6, [[(3, 1), (4, 1)]], [-0.1]),
        Network.Layer(name: "r", neurons: 6..<7, relation: .function(.relu, of: 3)),
      ], outputLayer: 4)
    let region = VerificationCase(
      lower: [-1], upper: [1], rows: [.init(neurons: [6], coefficients: [1], constant: 0)], clauses: [[0]])
    let bounder = try await GatherBounder(network, region, GatherOptions())
    func narrowed(_ signs: [Bool]) async throws -> NarrowedBounder? {
      let path = zip([1, 2], signs).map { NeuronSplit(neuron: $0, isActive: $1) }
      return try await bounder.narrowed(to: path, threads: 1, deadline: EscapeTests.far)
    }
    guard case .empty? = try await narrowed([true, true]) else {
      Issue.record("x >= 0 and x <= -0.5 leave a part")
      return
    }
    for signs in [[true, false], [false, true], [false, false]] {
      guard case .part? = try await narrowed(signs) else {
        Issue.record("\(signs) leaves nothing")
        continue
      }
    }
  }

  private func layer(
    _ name: String, _ neurons: Range<Int>, _ rows: [[(column: Int, value: Double)]], _ bias: [Double]
  ) -> Network.Layer {
    var sparse = SparseRows()
    for row in rows { sparse.append(row) }
    return Network.Layer(name: name, neurons: neurons, relation: .affine(Affine(rows: sparse, bias: bias)))
  }

  @Test func aPassedDeadlineGivesNoParts() async throws {
    let subject = try await Subject(seed: 7, .binary32)
    var generator = SeededGenerator(seed: 7)
    let part = try await subject.bounder.narrowed(to: subject.path(3, &generator), threads: 2, deadline: .now)
    #expect(part == nil)
    let options = ConstrainedBounds(iterations: 8, threads: 2, deadline: .now)
    let found = try await subject.bounder.constrained(by: 0, splits: [], options: options)
    #expect(found == nil)
    await #expect(throws: SplitBoundError.self) {
      _ = try await GatherBounder(subject.network, subject.region, GatherOptions(deadline: .now))
    }
  }

  /// A binary32 evaluation need not respect splits or rows of real values.
  @Test func binary32SemanticsHasNoParts() async throws {
    let network = RandomNetworks.dense(seed: 5)
    let region = RandomNetworks.verificationCase(network, radius: 0.3, seed: 5)
    let bounder = try await GatherBounder(network, region, GatherOptions(semantics: .both))
    let path = bounder.slots.prefix(1).map { NeuronSplit(neuron: $0, isActive: true) }
    let part = try await bounder.narrowed(to: path, threads: 1, deadline: EscapeTests.far)
    #expect(part == nil)
    let options = ConstrainedBounds(iterations: 1, threads: 1, deadline: EscapeTests.far)
    let constrained = try await bounder.constrained(by: 0, splits: [], options: options)
    #expect(constrained == nil)
  }
}
