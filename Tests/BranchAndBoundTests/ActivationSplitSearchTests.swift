import BranchAndBound
import Networks
import TestSupport
import Testing

/// The search decides every small network, rightly, and its proof trees hold.
@Suite struct ActivationSplitSearchTests {
  private func run(
    _ network: Network, _ region: VerificationCase, _ settings: SplitSearchSettings = .init(), memory: Int = 1 << 30,
    seconds: Double = 300
  ) async throws -> SearchOutcome {
    let events = SearchEvents(isWitness: { RandomNetworks.isForbidden(region, network.evaluate($0)) })
    return try await ActivationSplitSearch(settings: settings).search(
      SearchProblem(network: network, verificationCase: region),
      SearchOptions(deadline: .now + .seconds(seconds), memory: memory, wantsProof: true), events)
  }

  /// Bounds that stay where they start leave the work to splits and, below them, to the linear programs.
  private var weakest: SplitSearchSettings {
    var settings = SplitSearchSettings()
    settings.rootIterations = 0
    settings.iterations = 0
    settings.furtherIterations = 0
    settings.candidates = 1
    return settings
  }

  @Test(arguments: [false, true]) func decidesRandomNetworks(isWeak: Bool) async throws {
    var (proven, refuted, leaves) = (0, 0, 0)
    for seed in 0..<120 as Range<UInt64> {
      var random = SmallRandom(seed &+ 1000)
      let network = RandomNetworks.network([2, 5, 5, 2], &random, skips: seed % 3 == 0)
      let region = RandomNetworks.region(network, &random, shift: Double(seed % 4) * 0.3)
      let outcome = try await run(network, region, isWeak ? weakest : .init())
      var isSampled = false
      for row in 0...60 {
        for column in 0...60 {
          let point = [
            region.lower[0] + Double(row) / 60 * (region.upper[0] - region.lower[0]),
            region.lower[1] + Double(column) / 60 * (region.upper[1] - region.lower[1]),
          ]
          if RandomNetworks.isForbidden(region, network.evaluate(point)) { isSampled = true }
        }
      }
      switch outcome.result {
      case .proven(let tree):
        proven += 1
        #expect(!isSampled, "seed \(seed) proves a property that a sample violates")
        let problem = SearchProblem(network: network, verificationCase: region)
        leaves += try TreeReplay(problem).leaves(try #require(tree))
      case .witness(let point):
        refuted += 1
        #expect(RandomNetworks.isForbidden(region, network.evaluate(point)))
      case .timeout, .unknown: Issue.record("seed \(seed) is undecided: \(outcome.result)")
      }
    }
    #expect(proven > 15 && refuted > 15 && leaves > 2 * proven)
  }

  @Test func stopsAtItsDeadline() async throws {
    var random = SmallRandom(5)
    let network = RandomNetworks.network([12, 60, 60, 60, 2], &random)
    var region = RandomNetworks.region(network, &random, shift: 0, radius: 2)
    // Violated, but nobody accepts a witness: the search goes on.
    region.rows = [.init(neurons: Array(network.outputs), coefficients: [1, 0], constant: 100)]
    region.clauses = [[0]]
    let start = ContinuousClock.now
    let outcome = try await ActivationSplitSearch().search(
      SearchProblem(network: network, verificationCase: region),
      SearchOptions(deadline: .now + .milliseconds(500)), SearchEvents(isWitness: { _ in false }))
    if case .timeout = outcome.result {} else { Issue.record("not a timeout: \(outcome.result)") }
    #expect(!Timing.isMeasured || start.duration(to: .now) < .milliseconds(700))
    #expect(outcome.progress.open > 0 && outcome.progress.bound < 0)
  }

  @Test func isDeterministicAndUnchangedBySpilling() async throws {
    var random = SmallRandom(11)
    let network = RandomNetworks.network([4, 12, 12, 2], &random)
    var region = RandomNetworks.region(network, &random, shift: 0)
    region.rows = [.init(neurons: Array(network.outputs), coefficients: [1, 1], constant: 2)]
    region.clauses = [[0]]
    let first = try await run(network, region)
    let second = try await run(network, region)
    let spilled = try await run(network, region, memory: 1 << 10)
    #expect(first.progress.subproblems == second.progress.subproblems)
    #expect("\(first.result)" == "\(second.result)")
    #expect("\(first.result)" == "\(spilled.result)" || first.progress.subproblems < 200)
  }

  @Test func frontierReturnsWhatItSpilled() throws {
    let frontier = SplitFrontier(capacity: 1 << 12)
    var pushed: [SplitDomain] = []
    for number in 0..<400 {
      let domain = SplitDomain(
        clause: 1, row: 2, node: Int32(number), bound: -Double(number),
        splits: [Split(slot: Int32(number), isActive: number % 2 == 0)], slopes: [0, 128, 255],
        multipliers: [Float(number)], candidates: [3, 4])
      pushed.append(domain)
      try frontier.push([domain])
    }
    #expect(frontier.count == 400 && frontier.spilledCount > 100 && frontier.leastBound == -399)
    var popped: [SplitDomain] = []
    while !frontier.isEmpty { popped += try frontier.pop(7) }
    #expect(popped.map(\.node) == pushed.map(\.node).reversed())
    for (left, right) in zip(popped.reversed(), pushed) {
      #expect(left.splits == right.splits && left.slopes == right.slopes && left.multipliers == right.multipliers)
      #expect(left.bound == right.bound && left.candidates == right.candidates && left.clause == 1 && left.row == 2)
    }
  }

  @Test func contradictorySplitsAreRefutedByTheElasticProgram() throws {
    // z = x and w = x - 2 on [-1, 3]: z <= 0 with w >= 0 is empty, whatever the row says.
    var affine = SparseRows()
    affine.append([(column: 0, value: 1)])
    affine.append([(column: 0, value: 1)])
    var output = SparseRows()
    output.append([(column: 3, value: 1), (column: 4, value: 1)])
    let network = Network(
      name: "two",
      layers: [
        .init(name: "x", neurons: 0..<1, relation: .input),
        .init(name: "z", neurons: 1..<3, relation: .affine(.init(rows: affine, bias: [0, -2]))),
        .init(name: "h", neurons: 3..<5, relation: .function(.relu, of: 1)),
        .init(name: "y", neurons: 5..<6, relation: .affine(.init(rows: output, bias: [-1]))),
      ], outputLayer: 3)
    let region = VerificationCase(
      lower: [-1], upper: [3], rows: [.init(neurons: [5], coefficients: [1], constant: 0)], clauses: [[0]])
    let problem = SearchProblem(network: network, verificationCase: region)
    let options = SearchOptions(deadline: .now + .seconds(300))
    let bounder = try ReferenceSplitBounder(problem, options)
    try #require(bounder.slots == [1, 2])
    let solver = LeafSolver(problem, options, bounder)
    let splits = [Split(slot: 0, isActive: false), Split(slot: 1, isActive: true)]
    guard case .refuted(let refutation) = solver.decide(clause: 0, splits: splits) else {
      Issue.record("the empty part is not refuted")
      return
    }
    #expect(refutation.rows.isEmpty)
    // The other part that is inactive in z violates the row (y = -1): its point is proposed.
    guard
      case .candidate(let point) = solver.decide(
        clause: 0, splits: [Split(slot: 0, isActive: false), Split(slot: 1, isActive: false)])
    else {
      Issue.record("no candidate")
      return
    }
    #expect(RandomNetworks.isForbidden(region, network.evaluate(point)))
  }
}

/// Walks a proof tree and bounds every leaf again with the slopes and multipliers that stand in it.
struct TreeReplay {
  let problem: SearchProblem
  let bounder: ReferenceSplitBounder

  init(_ problem: SearchProblem) throws {
    self.problem = problem
    bounder = try ReferenceSplitBounder(problem, SearchOptions(deadline: .now + .seconds(100)))
  }

  /// The number of leaves; records an issue for each that proves nothing.
  func leaves(_ tree: ProofTree) throws -> Int {
    var place = 0
    var count = 0
    let clauses = problem.verificationCase.clauses
    if case .clauses = tree.nodes[0] { place = 1 } else { #expect(clauses.count == 1) }
    for clause in clauses.indices { try walk(tree, &place, [], clause, &count) }
    #expect(place == tree.nodes.count)
    return count
  }

  private func walk(_ tree: ProofTree, _ place: inout Int, _ path: [Split], _ clause: Int, _ count: inout Int) throws {
    let node = tree.nodes[place]
    place += 1
    switch node {
    case .splitNeuron(let neuron, let at):
      let slot = Int32(try #require(bounder.slots.firstIndex(of: neuron)))
      #expect(at == 0)
      try walk(tree, &place, path + [Split(slot: slot, isActive: false)], clause, &count)
      try walk(tree, &place, path + [Split(slot: slot, isActive: true)], clause, &count)
    case .leaf(let leaf):
      count += 1
      #expect(leaf.refutations.count == 1 && !leaf.recomputesBounds)
      let refutation = leaf.refutations[0]
      let rows = problem.verificationCase.clauses[clause]
      #expect(refutation.rows.allSatisfy { rows.contains($0.row) && $0.weight >= 0 })
      var slopes = bounder.slots.map { bounder.upper[$0] > -bounder.lower[$0] ? Float(1) : 0 }
      for slope in refutation.slopes {
        slopes[try #require(bounder.slots.firstIndex(of: Int(slope.neuron)))] = Float(slope.lower) / 255
      }
      let item = SplitItem(row: 0, splits: path, slopes: slopes, multipliers: refutation.splitMultipliers)
      #expect(bounder.bound(combination: refutation.rows, of: item) > 0)
    default: Issue.record("a node of another kind")
    }
  }
}
