// Branch and bound over the inputs of positive width, for any network: boxes are bounded in groups on all threads,
// clipped by the rows that could still be violated, and halved.

import BranchAndBound
import Dispatch
import Networks

/// Decides cases with few inputs of positive width. Deterministic for a given number of threads as long as time does
/// not run out.
public struct InputSplitSearch: SearchEngine {
  public init() {}
  public var name: String { "input splits, binary64" }

  public func search(
    _ problem: SearchProblem, _ options: SearchOptions, _ events: SearchEvents
  ) async throws -> SearchOutcome {
    let run = BoxSearchRun(problem, options, events)
    return run.search()
  }
}

/// The state of one search.
final class BoxSearchRun {
  let network: Network
  let problem: VerificationCase
  let options: SearchOptions
  let events: SearchEvents
  let plan: BoundPlan
  let rules: Conjunctions
  let wide: [Int]
  /// Whether boxes below the root get quadratic bounds instead of linear ones.
  let isQuadratic: Bool
  /// Boxes per group.
  let parts: Int
  private var frontier: [BoxNode] = []
  private var head = 0
  private var records: [BoxRecord] = []
  /// Clauses that fell on the whole region: to default lines (nil), or to the lines of the record.
  private var rootRefutations: [Int: ProofTree.Refutation?] = [:]
  private var record: SlopeRecord?
  private var progress = SearchProgress(subproblems: 0, open: 0, bound: .nan)

  /// A node of the tree, kept for the proof.
  struct BoxRecord {
    var isClipped = false
    var combinations: [ProofTree.Combination] = []
    var axis = -1
    var at = 0.0
    var children = (-1, -1)
  }

  init(_ problem: SearchProblem, _ options: SearchOptions, _ events: SearchEvents) {
    network = problem.network
    self.problem = problem.verificationCase
    self.options = options
    self.events = events
    plan = BoundPlan(
      network, self.problem, semantics: options.semantics, isRoundingSafe: options.isRoundingSafe)
    rules = Conjunctions(self.problem)
    let box = self.problem
    wide = network.inputs.filter { box.lower[$0] < box.upper[$0] }
    isQuadratic = QuadraticPass.suits(plan, wide: wide)
    parts = isQuadratic ? 4 : plan.neuronCount < 6000 && plan.entryCount < 60_000 ? 8 : 1
  }

  var isLate: Bool { ContinuousClock.now >= options.deadline || events.isStopped() }

  private func outcome(_ result: SearchOutcome.Result) -> SearchOutcome {
    SearchOutcome(result: result, progress: progress)
  }

  func search() -> SearchOutcome {
    if options.semantics != .real && plan.hasFloat32Gap {
      return outcome(.unknown("The network uses functions whose binary32 evaluation has no common error bound."))
    }
    let isDone: () -> Bool = { [unowned self] in isLate }
    let rootWorker = BoxWorker(
      PartBounds(plan, parts: 1, lanes: 32, threads: options.threads, isDone: isDone), rules, wide: wide, problem)
    var root = BoxNode(
      lower: wide.map { problem.lower[$0] }, upper: wide.map { problem.upper[$0] },
      clauses: problem.clauses.indices.map { Int32($0) }, record: 0)
    records = [BoxRecord()]
    guard var first = rootWorker.evaluate([root], isRoot: true) else { return outcome(.timeout) }
    progress = SearchProgress(subproblems: 1, open: 0, bound: first[0].bound)
    events.progress(progress)
    if let found = candidates(root, first[0]) { return outcome(.witness(found)) }
    noteRefuted(root, first[0], nil)
    // Splitting many inputs gains little: better lines do more.
    for ascent in wide.count > 12 ? SlopeAscentOptions.stages : [] where !first[0].clauses.isEmpty {
      // Bounds of neurons are computed anew each time, so earlier refutations by optimised lines are too.
      root.clauses = problem.clauses.indices.filter { rootRefutations[$0] == nil }.map { Int32($0) }
      record = options.wantsProof ? SlopeRecord(memory: options.memory / 4) : nil
      rootWorker.bounds.ascent = ascent
      rootWorker.bounds.record = record
      guard let better = rootWorker.evaluate([root], isRoot: true) else { return outcome(.timeout) }
      first = better
      progress.bound = first[0].bound
      events.progress(progress)
      if let found = candidates(root, first[0]) { return outcome(.witness(found)) }
    }
    if let record { noteRefuted(root, first[0], (record, rootWorker)) }
    if isQuadratic, !first[0].clauses.isEmpty {
      // Quadratic bounds start from the whole region and from all clauses again, so that their tree needs no others.
      frontier = [root]
    } else if let reason = take(root, first[0]) {
      return outcome(.unknown(reason))
    }
    var workers: [any BoxEvaluator] = []
    while head < frontier.count {
      if workers.isEmpty {
        workers = (0..<options.threads).map { _ -> any BoxEvaluator in
          if isQuadratic { return QuadraticWorker(plan, wide: wide, problem) }
          return BoxWorker(
            PartBounds(plan, parts: parts, lanes: 32, isDone: isDone), rules, wide: wide, problem)
        }
      }
      let batch = nextBatch()
      guard let results = evaluate(batch, workers) else { return outcome(.timeout) }
      progress.subproblems += batch.count
      for place in worstPlaces(results) {
        if let found = candidates(batch[place], results[place]) { return outcome(.witness(found)) }
      }
      progress.bound = .infinity
      for (node, result) in zip(batch, results) {
        if !result.clauses.isEmpty { progress.bound = min(progress.bound, result.bound) }
        if let reason = take(node, result) { return outcome(.unknown(reason)) }
      }
      progress.open = frontier.count - head
      events.progress(progress)
    }
    progress.open = 0
    guard options.isRoundingSafe else { return outcome(.unknown("Error terms were left out.")) }
    return outcome(.proven(options.wantsProof && record?.isComplete ?? true ? tree() : nil))
  }

  /// Breadth first while memory allows, then depth first.
  private func nextBatch() -> [BoxNode] {
    let size = parts > 1 ? options.threads * parts * 16 : options.threads
    let nodeBytes = 160 + 16 * wide.count + 4 * problem.clauses.count
    let count = frontier.count - head
    if count * nodeBytes > options.memory / 4 {
      let batch = Array(frontier[max(head, frontier.count - size)...])
      frontier.removeLast(batch.count)
      return batch
    }
    let batch = Array(frontier[head..<min(frontier.count, head + size)])
    head += batch.count
    if head > 4096 && head > count {
      frontier.removeFirst(head)
      head = 0
    }
    return batch
  }

  private func evaluate(_ batch: [BoxNode], _ workers: [any BoxEvaluator]) -> [BoxResult]? {
    let parts = parts
    let groups = (batch.count + parts - 1) / parts
    nonisolated(unsafe) var results = [[BoxResult]?](repeating: nil, count: groups)
    nonisolated(unsafe) let own = self
    nonisolated(unsafe) let hands = workers
    results.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let target = buffer
      DispatchQueue.concurrentPerform(iterations: min(hands.count, groups)) { thread in
        var group = thread
        while group < groups && !own.isLate {
          target[group] = hands[thread].evaluate(batch[group * parts..<min(batch.count, (group + 1) * parts)])
          group += hands.count
        }
      }
    }
    var all: [BoxResult] = []
    for result in results {
      guard let result else { return nil }
      all += result
    }
    return all
  }

  /// Enters what is left of a node; a reason if it can be neither proven nor split.
  private func take(_ node: BoxNode, _ result: BoxResult) -> String? {
    if options.wantsProof {
      records[node.record].isClipped = result.isClipped
      records[node.record].combinations = result.combinations
    }
    if result.clauses.isEmpty { return nil }
    guard let axis = result.axis else {
      return "A part of the region is too small to be split again, and its bound is not positive beyond rounding."
    }
    let middle = 0.5 * result.lower[axis] + 0.5 * result.upper[axis]
    var halves: [BoxNode] = []
    for isUpper in [false, true] {
      var child = BoxNode(lower: result.lower, upper: result.upper, clauses: result.clauses, record: 0)
      if isUpper { child.lower[axis] = middle } else { child.upper[axis] = middle }
      if options.wantsProof {
        child.record = records.count
        records.append(BoxRecord())
      }
      halves.append(child)
    }
    if options.wantsProof {
      records[node.record].axis = wide[axis]
      records[node.record].at = middle
      records[node.record].children = (halves[0].record, halves[1].record)
    }
    frontier += halves
    return nil
  }

  private func worstPlaces(_ results: [BoxResult]) -> [Int] {
    Array(
      results.indices.filter { !results[$0].clauses.isEmpty }.sorted {
        (results[$0].bound, $0) < (results[$1].bound, $1)
      }.prefix(2))
  }

  /// Tries the minimiser and the centre.
  private func candidates(_ node: BoxNode, _ result: BoxResult) -> [Double]? {
    guard !result.clauses.isEmpty else { return nil }
    let centre = wide.indices.map { 0.5 * node.lower[$0] + 0.5 * node.upper[$0] }
    for point in [result.minimizer, centre] {
      var input = problem.lower
      for (place, value) in point.enumerated() { input[wide[place]] = value }
      if rules.isViolated(network.evaluate(input)) && events.isWitness(input) { return input }
    }
    return nil
  }

  /// Keeps for the proof how clauses fell on the whole region.
  private func noteRefuted(_ root: BoxNode, _ result: BoxResult, _ source: (record: SlopeRecord, worker: BoxWorker)?) {
    guard options.wantsProof else { return }
    for clause in root.clauses where !result.clauses.contains(clause) {
      var refutation: ProofTree.Refutation?
      if let source, let row = source.worker.refutingRow(Int(clause)) {
        refutation = ProofTree.Refutation(rows: [(row: row, weight: 1)], slopes: source.record.slopes(row: row))
      }
      rootRefutations[Int(clause)] = .some(refutation)
    }
  }

  private func tree() -> ProofTree {
    let rootSlopes = record?.rootSlopes ?? []
    if rootSlopes.isEmpty { return ProofTree(nodes: boxes()) }
    // Boxes are bounded with default lines: they are about the clauses that no record refutes.
    var nodes: [ProofTree.Node] = [.clauses]
    for clause in problem.clauses.indices {
      if let refutation = rootRefutations[clause] {
        let leaf = ProofTree.Leaf(recomputesBounds: false, refutations: refutation.map { [$0] } ?? [])
        nodes.append(.leaf(leaf))
      } else {
        nodes += boxes()
      }
    }
    return ProofTree(rootSlopes: rootSlopes, nodes: nodes)
  }

  /// The tree over the region's boxes.
  private func boxes() -> [ProofTree.Node] {
    var nodes: [ProofTree.Node] = []
    var stack = [0]
    while let index = stack.popLast() {
      let record = records[index]
      if record.isClipped { nodes.append(.clip) }
      if !record.combinations.isEmpty { nodes.append(.quadratic(record.combinations)) }
      if record.axis < 0 {
        // What quadratic bounds refuted is closed already.
        nodes.append(.leaf(ProofTree.Leaf(recomputesBounds: record.combinations.isEmpty)))
        continue
      }
      nodes.append(.splitInput(record.axis - network.inputs.lowerBound, at: record.at))
      stack.append(record.children.1)
      stack.append(record.children.0)
    }
    return nodes
  }
}
