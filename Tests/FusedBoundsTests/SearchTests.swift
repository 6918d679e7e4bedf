// Whole searches: verdicts, trees, timeouts, and what a search must never say.

import BranchAndBound
import FusedBounds
import Graphs
import Networks
import ONNXImport
import TestSupport
import Testing
import VNNLIB

private func options(_ seconds: Double = 300, wantsProof: Bool = false, threads: Int = 2) -> SearchOptions {
  SearchOptions(deadline: .now + .seconds(seconds), threads: threads, wantsProof: wantsProof)
}

/// Whether binary64 finds a point forbidden.
private func isForbidden(_ problem: SearchProblem, _ point: [Double]) -> Bool {
  let values = problem.network.evaluate(point)
  return problem.verificationCase.clauses.contains { clause in
    clause.allSatisfy { index in
      let row = problem.verificationCase.rows[index]
      return row.isStrict ? row.value(values) < 0 : row.value(values) <= 0
    }
  }
}

private func name(_ result: SearchOutcome.Result) -> String {
  switch result {
  case .proven: "unsat"
  case .witness: "sat"
  case .timeout: "timeout"
  case .unknown: "unknown"
  }
}

@Suite struct SearchTests {
  @Test("random properties: what is proven holds at samples, what is found is forbidden", arguments: 0..<40)
  func random(seed: UInt64) async throws {
    let network = NetworkMaker.network(seed)
    var generator = SeededGenerator(seed: seed)
    for shift in [0.4, 1.0, 2.0, 4.0] {
      let problem = NetworkMaker.problem(network, radius: 0.5, shift: shift)
      let outcome = try await FusedSearch(problem).search(
        problem, options(120), SearchEvents(isWitness: { isForbidden(problem, $0) }))
      switch outcome.result {
      case .proven:
        for _ in 0..<500 {
          let point = network.inputs.map { _ in Double.random(in: -0.5...0.5, using: &generator) }
          #expect(!isForbidden(problem, point), "seed \(seed), shift \(shift), point \(point)")
        }
      case .witness(let point):
        #expect(isForbidden(problem, point) && point.allSatisfy { abs($0) <= 0.5 })
      case .timeout, .unknown: break
      }
      // The verdict and the number of subproblems do not depend on threads.
      if name(outcome.result) == "unsat" {
        let again = try await FusedSearch(problem).search(
          problem, options(120, threads: 1), SearchEvents(isWitness: { isForbidden(problem, $0) }))
        #expect(name(again.result) == "unsat")
        #expect(again.progress.subproblems == outcome.progress.subproblems)
      }
    }
  }

  @Test("a proof's tree covers the box, and every part of it has no forbidden sample")
  func trees() async throws {
    var splits = 0
    for seed in UInt64(0)..<24 {
      let network = NetworkMaker.network(seed)
      let problem = NetworkMaker.problem(network, radius: 0.5, shift: 1.5)
      let outcome = try await FusedSearch(problem).search(
        problem, options(120, wantsProof: true), SearchEvents(isWitness: { isForbidden(problem, $0) }))
      guard case .proven(let tree) = outcome.result else { continue }
      let nodes = try #require(tree).nodes
      var at = 0
      /// Reads one subtree and checks that its splits lie inside its box, cut by nothing but splits.
      func read(_ lower: [Double], _ upper: [Double]) {
        guard at < nodes.count else {
          Issue.record("the tree of seed \(seed) ends early")
          return
        }
        at += 1
        switch nodes[at - 1] {
        case .clip: read(lower, upper)
        case .leaf(let leaf): #expect(leaf.recomputesBounds && leaf.refutations.isEmpty)
        case .splitInput(let input, let middle):
          splits += 1
          #expect(lower[input] < middle && middle < upper[input], "seed \(seed)")
          var cut = upper
          cut[input] = middle
          read(lower, cut)
          cut = lower
          cut[input] = middle
          read(cut, upper)
        case .splitNeuron, .clauses, .quadratic, .bounds, .neuronBounds: Issue.record("input splits make no such node")
        }
      }
      read(problem.verificationCase.lower, problem.verificationCase.upper)
      #expect(at == nodes.count, "seed \(seed)")
    }
    #expect(splits > 0)
  }

  @Test("a refused candidate does not end the search, and an input of width 0 is never split")
  func refused() async throws {
    let network = NetworkMaker.network(0)
    var problem = NetworkMaker.problem(network, radius: 1, shift: 0)
    problem.verificationCase.lower[0] = 0.25
    problem.verificationCase.upper[0] = 0.25
    let found = problem
    let outcome = try await FusedSearch(problem).search(
      problem, options(), SearchEvents(isWitness: { $0[0] == 0.25 && isForbidden(found, $0) }))
    #expect(name(outcome.result) == "sat")
    let start = ContinuousClock.now
    let refusing = try await FusedSearch(problem).search(problem, options(0.3), SearchEvents(isWitness: { _ in false }))
    #expect(name(refusing.result) == "timeout" || name(refusing.result) == "unknown")
    #expect(!Timing.isMeasured || ContinuousClock.now - start < .seconds(0.5))
  }

  @Test("a search that is stopped returns at once")
  func stopped() async throws {
    let problem = NetworkMaker.problem(NetworkMaker.network(4), radius: 1, shift: 0.3)
    let outcome = try await FusedSearch(problem).search(
      problem, options(), SearchEvents(isWitness: { _ in false }, isStopped: { true }))
    #expect(name(outcome.result) == "timeout")
  }

  @Test("clauses: conjunctions, empty ones, none, and strict rows")
  func clauses() async throws {
    // Y_0 = relu(X_0) on [-1, 1].
    var maker = NetworkMaker(seed: 0, inputs: 1)
    maker.relu()
    let network = maker.network
    func verdict(_ rows: [VerificationCase.Row], _ clauses: [[Int]], inputRows: [VerificationCase.Row] = [])
      async throws -> String
    {
      let problem = SearchProblem(
        network: network,
        verificationCase: .init(lower: [-1], upper: [1], inputRows: inputRows, rows: rows, clauses: clauses))
      return name(
        try await FusedSearch(problem).search(
          problem, options(120), SearchEvents(isWitness: { isForbidden(problem, $0) })
        ).result)
    }
    let above = VerificationCase.Row(neurons: [1], coefficients: [-1], constant: 0.5)
    let below = VerificationCase.Row(neurons: [1], coefficients: [1], constant: -0.25)
    let atMostZero = VerificationCase.Row(neurons: [1], coefficients: [1], constant: 0)
    let belowZero = VerificationCase.Row(neurons: [1], coefficients: [1], constant: 0, isStrict: true)
    // Y >= 0.5 and Y <= 0.25 exclude each other; each alone can be had.
    #expect(try await verdict([above, below], [[0, 1]]) == "unsat")
    #expect(try await verdict([above, below], [[0], [1]]) == "sat")
    #expect(try await verdict([above], []) == "unsat")
    #expect(try await verdict([], [[]]) == "sat")
    #expect(try await verdict([atMostZero], [[0]]) == "sat")
    #expect(try await verdict([belowZero], [[0]]) != "sat")
    // X <= -0.5 leaves Y = 0.
    let left = VerificationCase.Row(neurons: [0], coefficients: [1], constant: 0.5)
    #expect(try await verdict([above], [[0]], inputRows: [left]) == "unsat")
  }

  @Test("networks that do not fit are refused with a reason")
  func refusals() {
    var maker = NetworkMaker(seed: 0, inputs: 2)
    maker.affine(3, of: maker.last)
    maker.add(3, .function(.sigmoid, of: 1))
    maker.affine(2, of: maker.last)
    #expect(throws: FusedBoundsError.relation("l2")) { try FusedSearch(NetworkMaker.problem(maker.network)) }
    var wide = NetworkMaker(seed: 0, inputs: 100)
    wide.affine(2, of: wide.last)
    #expect(throws: FusedBoundsError.tooManyInputs(100)) { try FusedSearch(NetworkMaker.problem(wide.network)) }
  }
}

@Suite struct BenchmarkTests {
  /// The verdict on a file's property: "sat" by the first witness, "unsat" if every case is proven.
  private func verdict(
    onnx: String, vnnlib: String, wantsProof: Bool = false, seconds: Double = 300
  ) async throws -> String {
    let network = try ONNXImporter.load(TestData.path(onnx)).network()
    let property = try VNNLIBReader.read(path: TestData.path(vnnlib))
    var result = "unsat"
    for part in property.cases {
      let problem = SearchProblem(network: network, verificationCase: VerificationCase(part, of: network))
      let outcome = try await FusedSearch(problem).search(
        problem, options(seconds, wantsProof: wantsProof), SearchEvents(isWitness: { isForbidden(problem, $0) }))
      let own = name(outcome.result)
      if own == "sat" { return own }
      if own != "unsat" { result = own }
      if wantsProof, case .proven(let tree) = outcome.result { #expect((tree?.nodes.count ?? 0) > 1) }
    }
    return result
  }

  @Test(
    "ACAS Xu verdicts, two input boxes and a witness among them",
    .enabled(if: TestData.isAvailable("vnncomp/acasxu_2023/instances.csv")),
    arguments: [
      ("1_1", 1, "unsat"), ("1_1", 2, "unsat"), ("1_1", 4, "unsat"), ("1_1", 5, "unsat"), ("1_1", 6, "unsat"),
      ("1_9", 7, "sat"), ("3_3", 9, "unsat"),
    ] as [(String, Int, String)])
  func acasXu(network: String, property: Int, expected: String) async throws {
    let folder = "vnncomp/acasxu_2023/"
    let lines = try TestData.lines(TestData.path(folder + "instances.csv"))
    let line = try #require(lines.first { $0.contains("run2a_\(network)_b") && $0.contains("prop_\(property).") })
    let fields = line.split(separator: ",").map(String.init)
    #expect(fields[3] == expected)
    let found = try await verdict(
      onnx: folder + fields[0], vnnlib: folder + fields[1], wantsProof: property == 4, seconds: 300)
    #expect(found == expected)
  }
}
