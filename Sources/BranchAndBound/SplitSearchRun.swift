// One run of the search over activation splits, within one scope: its root, then rounds of branching and bounding.

import Networks

/// What a run is about: clauses on the region, or on a part of it that splits cut out.
struct SplitScope {
  var clauses: [Int]
  /// The place of each clause's subtree in the proof.
  var nodes: [Int32]
  /// The splits that cut the scope out of the region, from the root of the tree down.
  var path: [NeuronSplit] = []

  /// All clauses on the whole region.
  init(_ region: VerificationCase) {
    clauses = Array(region.clauses.indices)
    nodes = clauses.map(Int32.init)
  }

  /// One clause on a part.
  init(clause: Int, node: Int32, path: [NeuronSplit]) {
    clauses = [clause]
    nodes = [node]
    self.path = path
  }
}

/// How a run ended.
enum RunEnd {
  /// Nothing is open, apart from what `gap` speaks of.
  case finished
  case witness([Double])
  case timeout
  /// As many parts as were allowed are bounded, and some are open.
  case exhausted
}

final class SplitSearchRun {
  let problem: SearchProblem
  let options: SearchOptions
  let events: SearchEvents
  let bounder: any ActivationSplitBounder
  let settings: SplitSearchSettings
  let frontier: SplitFrontier
  let scope: SplitScope
  let proof: SplitProof?
  /// The scope's splits that are slots of this bounder, and their places on the path.
  private let base: [Split]
  private let basePlaces: [Int]
  /// What is known of each open clause on the whole scope, and the scores of its slots.
  private(set) var roots: [Int: (domain: SplitDomain, scores: [Float])] = [:]
  var subproblems = 0
  /// Ends the run without a result once so many parts were bounded and some stay open.
  var mostParts = Int.max
  /// Why parts are left that nothing could decide; the first reason is kept.
  var gap: String?
  var witness: [Double]?
  /// How long candidates were evaluated, against all time.
  var candidateTime = Duration.zero
  let start = ContinuousClock.now
  private var lastProgress = ContinuousClock.now
  /// Parts bounded in one round; follows the time that a round takes.
  private var batch: Int
  lazy var leafSolver = LeafSolver(problem, options, bounder)

  init(
    _ problem: SearchProblem, _ options: SearchOptions, _ events: SearchEvents, _ bounder: any ActivationSplitBounder,
    _ settings: SplitSearchSettings, _ scope: SplitScope, _ proof: SplitProof?
  ) {
    self.problem = problem
    self.options = options
    self.events = events
    self.bounder = bounder
    self.settings = settings
    self.scope = scope
    self.proof = proof
    var slotOfNeuron: [Int: Int] = [:]
    if !scope.path.isEmpty { for (slot, neuron) in bounder.slots.enumerated() { slotOfNeuron[neuron] = slot } }
    let known = scope.path.indices.filter { slotOfNeuron[scope.path[$0].neuron] != nil }
    basePlaces = known
    base = known.map { Split(slot: Int32(slotOfNeuron[scope.path[$0].neuron]!), isActive: scope.path[$0].isActive) }
    frontier = SplitFrontier(capacity: options.memory / 2)
    batch = max(2, bounder.preferredBatch)
  }

  var progress: SearchProgress {
    SearchProgress(subproblems: subproblems, open: frontier.count, bound: frontier.isEmpty ? .nan : frontier.leastBound)
  }

  /// True when time is up or nobody waits any more.
  var isOver: Bool { ContinuousClock.now >= options.deadline || events.isStopped() }

  /// Runs to the end, the deadline or until `mostParts` are bounded.
  func run() async throws -> RunEnd {
    try await boundRoot()
    while witness == nil, !frontier.isEmpty {
      if isOver { return .timeout }
      if subproblems >= mostParts { return .exhausted }
      let began = ContinuousClock.now
      try await round()
      let took = began.duration(to: .now)
      if took > .milliseconds(300) { batch = max(2, batch / 2) }
      if took < .milliseconds(100), batch < bounder.preferredBatch { batch *= 2 }
      if lastProgress.duration(to: .now) > .milliseconds(200) {
        events.progress(progress)
        lastProgress = .now
      }
    }
    if let witness { return .witness(witness) }
    return isOver && !frontier.isEmpty ? .timeout : .finished
  }

  /// The clauses that have open parts.
  func openClauses() throws -> Set<Int> {
    var result: Set<Int> = []
    while case let domains = try frontier.pop(1024), !domains.isEmpty {
      for domain in domains { result.insert(Int(domain.clause)) }
    }
    return result
  }

  func isProven(_ row: Int, _ bound: Double) -> Bool {
    problem.verificationCase.rows[row].isStrict ? bound >= 0 : bound > 0
  }

  // MARK: The root

  /// Bounds the rows of all clauses on the whole region in stages; clauses that stay open go to the frontier.
  private func boundRoot() async throws {
    let region = problem.verificationCase
    var open = Set(scope.clauses)
    let nodes = Dictionary(uniqueKeysWithValues: zip(scope.clauses, scope.nodes))
    let whole = { (row: Int) in
      SplitItem(row: row, splits: self.base, multipliers: self.base.map { _ in 0 })
    }
    for (index, clause) in region.clauses.enumerated() where open.contains(index) && clause.isEmpty {
      gap = "Clause \(index + 1) has no constraint, so every input of the region is forbidden by it."
      open.remove(index)
      tryCandidate(zip(region.lower, region.upper).map { $0 / 2 + $1 / 2 }, force: true)
    }
    var best: [Int: SplitBound] = [:]
    var bestRow: [Int: Int] = [:]
    let first = min(5, settings.rootIterations)
    for (stage, iterations) in [0, first, settings.rootIterations].enumerated() {
      let pairs = open.sorted().flatMap { clause in region.clauses[clause].map { (clause, $0) } }
      for chunk in stride(from: 0, to: pairs.count, by: max(1, bounder.preferredBatch)) {
        if isOver, stage > 0 { break }
        let part = pairs[chunk..<min(chunk + max(1, bounder.preferredBatch), pairs.count)]
        let items = part.map { clause, row in
          var item = whole(row)
          if let known = best[clause], bestRow[clause] == row {
            item.slopes = known.slopes
            item.multipliers = known.multipliers
          }
          return item
        }
        let bounds = try await bounder.bound(items, iterations: iterations, deadline: options.deadline)
        subproblems += stage == 0 ? items.count : 0
        for ((clause, row), bound) in zip(part, bounds) where open.contains(clause) {
          if best[clause].map({ bound.bound > $0.bound }) ?? true {
            best[clause] = bound
            bestRow[clause] = row
          }
          if isProven(row, bound.bound), try await close(whole(row), bound, node: nodes[clause]!) {
            open.remove(clause)
          }
        }
      }
      if stage == 0, let refuted = await refuteByFields(open, best: bestRow, nodes) { open.subtract(refuted) }
      if open.isEmpty { return }
    }
    var domains: [SplitDomain] = []
    for clause in open {
      guard let bound = best[clause], let row = bestRow[clause] else {
        gap = "The time ended before every clause was bounded."
        continue
      }
      tryCandidate(bound.minimizer, force: scope.path.isEmpty)
      let root = domain(clause: Int32(clause), node: nodes[clause]!, whole(row), bound, atLeast: -.infinity)
      roots[clause] = (root, bound.scores)
      domains.append(root)
    }
    try frontier.push(domains.sorted { ($1.bound, $1.clause) < ($0.bound, $0.clause) })
  }

  /// Closes clauses on the whole region by joint lines of ReLUs that read few inputs, where the network has such.
  private func refuteByFields(_ open: Set<Int>, best: [Int: Int], _ nodes: [Int: Int32]) async -> [Int]? {
    guard !open.isEmpty, scope.path.isEmpty, let fields = FieldDecomposition(problem, options) else { return nil }
    var closed: [Int] = []
    for clause in open.sorted() {
      guard let row = best[clause] else { continue }
      guard let refutation = await fields.refutation(of: row, isOver: { self.isOver }) else { continue }
      proof?.close(nodes[clause]!, refutation)
      closed.append(clause)
    }
    return closed
  }

  /// A part as the frontier keeps it.
  func domain(clause: Int32, node: Int32, _ item: SplitItem, _ bound: SplitBound, atLeast least: Double) -> SplitDomain
  {
    SplitDomain(
      clause: clause, row: Int32(item.row), node: node, bound: max(bound.bound, least), splits: item.splits,
      slopes: SplitDomain.quantised(bound.slopes), multipliers: bound.multipliers,
      candidates: candidates(bound.scores, splits: item.splits))
  }

  /// The slots with the highest scores, and any free slot where no score is positive.
  func candidates(_ scores: [Float], splits: [Split], count: Int? = nil) -> [Int32] {
    let wanted = count ?? max(settings.candidates, settings.deepestSplit)
    var best: [(score: Float, slot: Int32)] = []
    for (slot, score) in scores.enumerated() where score > 0 {
      if best.count == wanted, score <= best[wanted - 1].score { continue }
      let place = best.partitioningIndex { $0.score < score }
      best.insert((score, Int32(slot)), at: place)
      if best.count > wanted { best.removeLast() }
    }
    if best.isEmpty {
      let used = Set(splits.map(\.slot))
      if let free = (0..<Int32(bounder.slots.count)).first(where: { !used.contains($0) }) { return [free] }
    }
    return best.map(\.slot)
  }

  // MARK: Rounds

  private func round() async throws {
    // Few open parts are cut deeper at once, so that the batch is full.
    let open = frontier.count
    var depth = 1
    while depth < settings.deepestSplit, open << (depth + 1) <= batch { depth += 1 }
    let parents = try frontier.pop(max(1, batch >> depth))
    var children: [Child] = []
    var fixed: [SplitDomain] = []
    var branching: [SplitDomain] = []
    for parent in parents {
      if parent.candidates.isEmpty { fixed.append(parent) } else { branching.append(parent) }
    }
    for (parent, slots) in zip(branching, try await chooseSlots(branching, depth)) {
      children += self.children(of: parent, at: slots)
    }
    for (index, domain) in fixed.enumerated() {
      if witness != nil { break }
      guard !isOver else {
        try frontier.push(Array(fixed[index...]))
        break
      }
      decideFixed(domain)
    }
    if witness == nil { try await bound(children) }
  }

  struct Child {
    var clause: Int32
    var node: Int32
    var item: SplitItem
    var least: Double
  }

  /// All 2^k parts of a domain that k slots cut.
  private func children(of parent: SplitDomain, at slots: [Int32]) -> [Child] {
    var parts = [Child(clause: parent.clause, node: parent.node, item: parent.item, least: parent.bound)]
    for slot in slots {
      parts = parts.flatMap { part in
        let nodes = proof?.split(part.node, neuron: bounder.slots[Int(slot)]) ?? (-1, -1)
        return [(false, nodes.0), (true, nodes.1)].map { isActive, node in
          var child = part
          child.node = node
          child.item.splits.append(Split(slot: slot, isActive: isActive))
          child.item.multipliers.append(0)
          return child
        }
      }
    }
    return parts
  }

  /// Bounds new parts; those that are not proven go to the frontier.
  private func bound(_ children: [Child]) async throws {
    guard !children.isEmpty else { return }
    subproblems += children.count
    var items = children.map(\.item)
    var bounds = try await bounder.bound(items, iterations: settings.iterations, deadline: options.deadline)
    // Go on where the first steps, repeated a few times, would prove the row.
    var near: [Int] = []
    for (index, child) in children.enumerated() where !isProven(items[index].row, bounds[index].bound) {
      let gained = bounds[index].bound - child.least
      if bounds[index].bound + 1.5 * gained > 0 { near.append(index) }
    }
    if !near.isEmpty, settings.furtherIterations > 0 {
      for index in near {
        items[index].slopes = bounds[index].slopes
        items[index].multipliers = bounds[index].multipliers
      }
      let further = try await bounder.bound(
        near.map { items[$0] }, iterations: settings.furtherIterations, deadline: options.deadline)
      for (index, bound) in zip(near, further) where bound.bound >= bounds[index].bound { bounds[index] = bound }
    }
    var domains: [SplitDomain] = []
    var lowest: (bound: Double, point: [Double])?
    var closing: [(Child, SplitBound)] = []
    for (child, bound) in zip(children, bounds) {
      if isProven(child.item.row, bound.bound) {
        closing.append((child, bound))
      } else {
        if bound.estimate < lowest?.bound ?? .infinity { lowest = (bound.estimate, bound.minimizer) }
        domains.append(domain(clause: child.clause, node: child.node, child.item, bound, atLeast: child.least))
      }
    }
    for (child, bound) in try await close(closing) {
      domains.append(domain(clause: child.clause, node: child.node, child.item, bound, atLeast: child.least))
    }
    if let lowest { tryCandidate(lowest.point, force: false) }
    try frontier.push(domains.sorted { ($1.bound, $1.node) < ($0.bound, $0.node) })
  }

  // MARK: Proofs and witnesses

  /// Enters proven parts into the proof, and returns those that the proof's rounded slopes do not prove.
  private func close(_ parts: [(Child, SplitBound)]) async throws -> [(Child, SplitBound)] {
    guard proof != nil, !parts.isEmpty else { return [] }
    let items = parts.map { child, bound in
      var item = child.item
      item.slopes = SplitDomain.quantised(bound.slopes).map { Float($0) / 255 }
      item.multipliers = bound.multipliers
      return item
    }
    let again = try await bounder.bound(items, iterations: 0, deadline: options.deadline)
    var open: [(Child, SplitBound)] = []
    for (index, (child, bound)) in parts.enumerated() {
      // A margin for whoever replays with slopes that are 2^-25 off.
      guard again[index].bound > 1e-7 * max(1, again[index].estimate.magnitude) else {
        open.append((child, bound))
        continue
      }
      let refutation = ProofTree.Refutation(
        rows: [(row: child.item.row, weight: Float(1))],
        slopes: SplitProof.slopes(SplitDomain.quantised(bound.slopes), splits: child.item.splits, of: bounder),
        splitMultipliers: alongPath(bound.multipliers))
      proof?.close(child.node, refutation)
    }
    return open
  }

  /// Multipliers of an item's splits in the order of all splits from the root of the tree down.
  func alongPath(_ multipliers: [Float]) -> [Float] {
    var result = [Float](repeating: 0, count: scope.path.count)
    for (place, multiplier) in zip(basePlaces, multipliers) { result[place] = multiplier }
    return result + multipliers.dropFirst(base.count)
  }

  private func close(_ item: SplitItem, _ bound: SplitBound, node: Int32) async throws -> Bool {
    try await close([(Child(clause: node, node: node, item: item, least: bound.bound), bound)]).isEmpty
  }

  /// Asks whether an input is a witness if a plain evaluation says so; unforced within a tenth of the time.
  func tryCandidate(_ input: [Double], force: Bool) {
    guard witness == nil, input.count == problem.network.inputs.count else { return }
    let began = ContinuousClock.now
    if !force, candidateTime * 10 > start.duration(to: began) { return }
    defer { candidateTime += began.duration(to: .now) }
    let region = problem.verificationCase
    let point: [Double] = input.indices.map { min(max(input[$0], region.lower[$0]), region.upper[$0]) }
    let values = problem.network.evaluate(point)
    let isViolated = region.clauses.contains { clause in
      clause.allSatisfy { index in
        let row = region.rows[index]
        var sum = row.constant
        for (neuron, coefficient) in zip(row.neurons, row.coefficients) { sum += coefficient * values[neuron] }
        return sum <= 0
      }
    }
    if isViolated, events.isWitness(point) { witness = point }
  }
}
