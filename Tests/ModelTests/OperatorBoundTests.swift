import BranchAndBound
import Graphs
import Networks
import Operators
import Tensors
import TestSupport
import Testing

/// Bounds of random graphs with every operator of the table, by every engine that takes them.
@Suite struct OperatorBoundTests {
  /// Without relations between real numbers, or without an operand that could vary.
  static let unbounded: Set<String> = [
    "Round", "QuantizeLinear", "DequantizeLinear", "Constant", "ConstantOfShape", "Shape",
  ]

  /// The chains: each operator by itself, then three at random.
  static let chains: [(links: [OperatorLink], seed: UInt64)] =
    OperatorLink.all.enumerated().map { ([$1], UInt64($0)) }
    + (0..<60 as Range<UInt64>).map { seed in
      var generator = SeededGenerator(seed: 0xc0de + seed)
      return ((0..<3).map { _ in OperatorLink.all.randomElement(using: &generator)! }, seed)
    }

  /// The case: a box of x around a random centre, rows over outputs and an input that no point violates by much.
  private static func problem(_ network: Network, radius: Double, seed: UInt64) -> SearchProblem {
    var generator = SeededGenerator(seed: seed)
    let centre = network.inputs.map { _ in Double(Float.random(in: -0.3...0.3, using: &generator)) }
    let (first, second) = (network.outputs.lowerBound, network.outputs.lowerBound + 1)
    let forms: [(neurons: [Int], coefficients: [Double])] = [
      ([first, second], [1, -0.5]), ([second], [-1]), ([0, first], [0.25, -1]),
    ]
    let values = network.evaluate(centre)
    let rows = forms.map { form -> VerificationCase.Row in
      var row = VerificationCase.Row(neurons: form.neurons, coefficients: form.coefficients, constant: 0)
      // So low that no row is proven: engines stop where one is.
      let size = value(row, values).magnitude
      row.constant = size.isFinite ? -100 * (1 + size) : -1e6
      return row
    }
    return SearchProblem(
      network: network,
      verificationCase: VerificationCase(
        lower: centre.map { $0 - radius }, upper: centre.map { $0 + radius }, rows: rows, clauses: [[0], [1], [2]]))
  }

  private static func value(_ row: VerificationCase.Row, _ values: [Double]) -> Double {
    zip(row.neurons, row.coefficients).reduce(row.constant) { $0 + $1.1 * values[$1.0] }
  }

  /// Corners and points between, all of them binary32 numbers inside the box.
  private static func points(_ box: VerificationCase, _ count: Int, seed: UInt64) -> [[Double]] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { index in
      zip(box.lower, box.upper).map { low, high in
        let part = index < 8 ? Double.random(in: -0.5...1.5, using: &generator) : .random(in: 0...1, using: &generator)
        let x = Float(low + (high - low) * min(max(part, 0), 1))
        return Double(Double(x) < low ? x.nextUp : Double(x) > high ? x.nextDown : x)
      }
    }
  }

  private static func network(_ graph: Graph, _ links: [OperatorLink]) -> Network? {
    do {
      return try graph.network()
    } catch {
      let isRefused = links.contains { unbounded.contains($0.operatorName) || $0.name == "power of each" }
      #expect(isRefused, "\(links): \(error)")
      return nil
    }
  }

  @Test func everyOperatorOfTheTableIsBounded() throws {
    let reached = Set(OperatorLink.all.map(\.operatorName)).subtracting(Self.unbounded)
    #expect(Set(OperatorTable.byName.keys).subtracting(Self.unbounded) == reached)
    for name in Self.unbounded.intersection(OperatorLink.all.map(\.operatorName)) {
      let links = OperatorLink.all.filter { $0.operatorName == name }
      #expect(throws: (any Error).self) {
        for link in links { _ = try OperatorChain.graph([link], seed: 0, reach: .fixed).network() }
      }
    }
  }

  /// A chain with a case, and what it gives at sampled points.
  private struct Subject: Sendable {
    var name: String
    var problem: SearchProblem
    /// All neurons at each point, in binary64; points where something is not finite are left out.
    var values: [[Double]]
    /// Inputs and outputs at each point in binary32, as the graph is written; nil: nothing is claimed about it.
    var binary32: [[Double]]?

    init?(_ links: [OperatorLink], seed: UInt64, reach: OperatorChain.Reach) throws {
      name = "\(links), seed \(seed), \(reach)"
      let graph = try OperatorChain.graph(links, seed: seed, reach: reach)
      guard let network = OperatorBoundTests.network(graph, links) else { return nil }
      let problem = OperatorBoundTests.problem(network, radius: [0.02, 0.2, 0.7][Int(seed % 3)], seed: seed)
      self.problem = problem
      let points = OperatorBoundTests.points(problem.verificationCase, 40, seed: seed)
      values = points.map { network.evaluate($0) }.filter { $0.allSatisfy(\.isFinite) }
      guard network.float32Problem == nil else { return }
      let shaped = try graph.shaped(batch: nil)
      binary32 = try points.map { point in
        let input = Tensor(shape: [1, 3], floats: point.map { Float($0) })
        let between = [Double](repeating: 0, count: network.outputs.lowerBound - 3)
        return try point + between + ListRunner.evaluate(shaped, [input])[0].doubles
      }
    }

    static let all: [Subject] = OperatorChain.Reach.allCases.flatMap { reach in
      OperatorBoundTests.chains.compactMap { links, seed -> Subject? in
        do { return try Subject(links, seed: seed, reach: reach) } catch {
          Issue.record("\(links), seed \(seed): \(error)")
          return nil
        }
      }
    }
  }

  @Test(arguments: BoundEngine.all) func noPointEscapes(engine: BoundEngine) async throws {
    var (bounded, inBinary32) = (0, 0)
    for subject in Subject.all {
      if let found = try await engine.bounds(subject.problem, .real) {
        bounded += 1
        let escapes = subject.values.compactMap { Self.escape(found, $0, subject.problem) }
        #expect(escapes.isEmpty, "\(escapes.first ?? ""), \(engine), \(subject.name)")
      }
      guard let values = subject.binary32, let found = try await engine.bounds(subject.problem, .both) else { continue }
      inBinary32 += 1
      for (row, bound) in zip(subject.problem.verificationCase.rows, found.rows) {
        let isBelow = values.allSatisfy { !(bound > Self.value(row, $0)) }
        #expect(isBelow, "\(engine), \(subject.name), binary32")
      }
    }
    #expect(bounded > 240 && inBinary32 > 240, "\(engine) bounded \(bounded), \(inBinary32) in binary32")
  }

  /// What of a point's values lies outside of bounds; nil: nothing.
  private static func escape(_ found: EngineBounds, _ values: [Double], _ problem: SearchProblem) -> String? {
    // Plain evaluation rounds, too.
    func slack(_ x: Double) -> Double { 1e-11 * (1 + x.magnitude) }
    if let (lower, upper) = found.neurons {
      for (neuron, value) in values.enumerated()
      where lower[neuron] > value + slack(value) || upper[neuron] < value - slack(value) {
        return "neuron \(neuron) is \(value), not in \(lower[neuron])...\(upper[neuron])"
      }
    }
    for (row, bound) in zip(problem.verificationCase.rows, found.rows) {
      let phi = value(row, values)
      if bound > phi + slack(phi) { return "a row is \(phi), below \(bound)" }
    }
    return nil
  }

  /// On a box of width 2 h along one input a bound is phi - h |d phi / dx|, up to h^2: the backward pass through every
  /// operator with a slope against difference quotients.
  @Test(arguments: BoundEngine.all.filter(\.isWide))
  func adjointsAreDifferenceQuotients(engine: BoundEngine) async throws {
    let h = 0x1p-14
    var (compared, kinks) = (0, 0)
    for (links, seed) in Self.chains where !links.contains(where: \.jumps) {
      let graph = try OperatorChain.graph(links, seed: seed, reach: .relative, endsPlainly: true)
      guard let network = Self.network(graph, links) else { continue }
      var problem = Self.problem(network, radius: h, seed: seed)
      let box = problem.verificationCase
      let centre = zip(box.lower, box.upper).map { ($0 + $1) / 2 }
      for input in 0..<3 {
        (problem.verificationCase.lower, problem.verificationCase.upper) = (centre, centre)
        problem.verificationCase.lower[input] -= h
        problem.verificationCase.upper[input] += h
        guard let found = try await engine.bounds(problem, .real) else { continue }
        func phi(_ row: VerificationCase.Row, _ step: Double) -> Double {
          var point = centre
          point[input] += step
          return Self.value(row, network.evaluate(point))
        }
        for (row, bound) in zip(box.rows, found.rows) {
          let middle = phi(row, 0)
          let (before, after) = ((middle - phi(row, -h)) / h, (phi(row, h) - middle) / h)
          // Where both sides differ there is a kink inside.
          guard before.isFinite, abs(before - after) < 1e-2 * (1 + abs(before)) else {
            kinks += 1
            continue
          }
          compared += 1
          let slope = (middle - bound) / h
          let quotient = max(abs(before), abs(after))
          #expect(abs(slope - quotient) < 2e-2 * (1 + quotient), "\(engine), \(links), seed \(seed), input \(input)")
        }
      }
    }
    #expect(compared > 1000 && kinks < compared / 10, "\(engine): \(compared) compared, \(kinks) kinks")
  }
}
