// The pieces of a search by scopes, several at once: each is bounded anew, searched by itself on one thread, and cut up
// further if it takes too many parts.
//
// What becomes of a piece does not depend on the others, so that the tree is the same for any number of threads.

import Networks
import Synchronization

final class PieceSearch: Sendable {
  /// One clause on a part that `whole` bounds and `path` cuts further.
  private struct Piece: Sendable {
    var clause: Int
    /// The row of the clause that came closest to being proven.
    var row: Int
    /// Its place in the proof.
    var node: Int32
    var path: [NeuronSplit]
    var whole: any ActivationSplitBounder
    /// What is known of the clause's row on it.
    var bound: Double
  }

  private struct State: ~Copyable {
    /// Pieces that wait for their turn, the next one last; and workers that wait for pieces.
    var waiting: [Piece] = []
    var idle: [CheckedContinuation<Piece?, Never>] = []
    var busy = 0
    /// How it ends early.
    var end: SearchOutcome.Result?
    var gap: String?
    var subproblems: Int
    /// The least bounds of pieces that the end left open, and how many parts they had.
    var bound = Double.infinity
    var open = 0
    let proof: SplitProof?
    /// Bytes of the neurons' bounds in the proof, roughly.
    var boundBytes = 0
  }

  private let problem: SearchProblem
  private let options: SearchOptions
  private let events: SearchEvents
  private let settings: SplitSearchSettings
  private let rootSlopes: [ProofTree.RootSlopes]
  private let state: Mutex<State>

  /// Goes on with a proof whose open clauses `decide` cuts up.
  init(
    _ problem: SearchProblem, _ options: SearchOptions, _ events: SearchEvents, _ settings: SplitSearchSettings,
    _ proof: SplitProof?, _ rootSlopes: [ProofTree.RootSlopes], _ subproblems: Int
  ) {
    self.problem = problem
    self.options = options
    self.settings = settings
    self.rootSlopes = rootSlopes
    self.events = events
    state = Mutex(State(subproblems: subproblems, proof: proof))
  }

  /// Decides the clauses that a run over the whole region left open.
  func decide(after run: SplitSearchRun) async throws -> SearchOutcome {
    for clause in try run.openClauses().sorted() {
      guard let root = run.roots[clause]?.domain else {
        // Nothing may count as proven because it was passed over.
        state.withLock { $0.gap = $0.gap ?? "Clause \(clause + 1) has open parts, but no bound of its own." }
        continue
      }
      var whole = Piece(
        clause: clause, row: Int(root.row), node: Int32(clause), path: [], whole: run.bounder, bound: root.bound)
      state.withLock { $0.proof?.reopen(whole.node) }
      var tightening = Tightening(whole.whole, slopes: root.slopes.map { Float($0) / 255 })
      guard try await tighten(whole, &tightening, rounds: settings.constrainedRounds, options.threads) else {
        state.withLock { $0.proof?.close(whole.node, Self.nothingLeft) }
        continue
      }
      if tightening.rounds > 0 {
        // It is searched anew before it is cut up.
        whole.whole = tightening.bounder
        state.withLock { $0.waiting.append(whole) }
      } else {
        try await cutUp(whole, run)
      }
    }
    let workers = max(1, options.threads)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<workers { group.addTask { try await self.work(1) } }
      try await group.waitForAll()
    }
    return state.withLock { state in
      let result: SearchOutcome.Result
      if let end = state.end {
        result = end
      } else if let gap = state.gap {
        result = .unknown(gap)
      } else {
        result = .proven(state.proof?.preorder.map { ProofTree(rootSlopes: rootSlopes, nodes: $0) })
      }
      let bound = state.waiting.reduce(state.bound) { min($0, $1.bound) }
      let count = state.open + state.waiting.count
      return SearchOutcome(
        result: result,
        progress: SearchProgress(subproblems: state.subproblems, open: count, bound: count == 0 ? .nan : bound))
    }
  }

  /// Decides pieces until there are none.
  private func work(_ threads: Int) async throws {
    while let piece = await next() {
      do { try await decide(piece, threads) } catch {
        finish(nil, .unknown("\(error)"))
        throw error
      }
    }
  }

  private func decide(_ piece: Piece, _ threads: Int) async throws {
    var tightening = Tightening(piece.whole)
    var isNarrowed = false
    switch try await piece.whole.narrowed(to: piece.path, threads: threads, deadline: options.deadline) {
    case .empty?:
      state.withLock { $0.proof?.boundAnew(piece.node) }
      return finish(piece, subtree: Self.nothingLeft)
    case .part(let part)?:
      isNarrowed = true
      // Also for pieces that are cut up further: what follows rests on these bounds.
      state.withLock { $0.proof?.boundAnew(piece.node) }
      tightening.bounder = part
    case nil: break
    }
    // The first round gains most. Further ones cost about as much as a search each, so that one comes in between.
    for rounds in [1, settings.constrainedRounds] {
      let before = tightening.rounds
      if isNarrowed {
        guard try await tighten(piece, &tightening, rounds: rounds, threads) else {
          return finish(piece, subtree: Self.nothingLeft)
        }
      }
      let (run, end, subtree) = try await search(piece, tightening.bounder, isNarrowed: isNarrowed, threads)
      switch end {
      case .finished: return finish(piece, subtree: subtree)
      case .witness(let input): return finish(nil, .witness(input))
      case .timeout:
        let progress = run.progress
        state.withLock {
          $0.open += max(1, progress.open)
          $0.bound = min($0.bound, max(progress.bound, piece.bound))
        }
        return finish(nil, .timeout)
      case .exhausted:
        let mayTighten = tightening.rounds > before && !tightening.isOver && rounds < settings.constrainedRounds
        if mayTighten { continue }
        try await cutUp(piece, run)
        return finish(nil)
      }
    }
  }

  /// Searches a piece by itself, with the proof's part for it.
  private func search(
    _ piece: Piece, _ bounder: any ActivationSplitBounder, isNarrowed: Bool, _ threads: Int
  ) async throws -> (run: SplitSearchRun, end: RunEnd, subtree: [ProofTree.Node]) {
    let proof = options.wantsProof ? SplitProof(clauseCount: 1) : nil
    var options = options
    options.memory /= max(1, options.threads)
    options.threads = threads
    let scope = SplitScope(clause: piece.clause, node: 0, path: piece.path)
    let run = SplitSearchRun(problem, options, pieceEvents(), bounder, settings, scope, proof)
    if isNarrowed { run.mostParts = max(settings.partsBeforeNarrowing, 2 * bounder.slots.count) }
    let end = try await run.run()
    state.withLock {
      $0.subproblems += run.subproblems
      $0.gap = $0.gap ?? run.gap
    }
    return (run, end, proof?.preorder ?? [])
  }

  /// The leaf of a part that bounds have shown to hold no point.
  private static let nothingLeft: [ProofTree.Node] = [
    .leaf(.init(recomputesBounds: false, refutations: [.init(rows: [])]))
  ]

  /// Rounds of bounds under the constraint that a piece's clause is violated.
  private struct Tightening {
    var bounder: any ActivationSplitBounder
    var rounds = 0
    /// No further round can be had, or the last one gained too little.
    var isOver = false
    /// Where the next round's ascents start.
    var slopes: [Float]
    var weights: [NeuronSide: Float] = [:]

    init(_ bounder: any ActivationSplitBounder, slopes: [Float] = []) {
      self.bounder = bounder
      self.slopes = slopes
    }
  }

  /// Bounds a piece under its clause's constraint as long as that gains something, up to so many rounds in all; false
  /// if no violating point is left.
  private func tighten(
    _ piece: Piece, _ tightening: inout Tightening, rounds: Int, _ threads: Int
  ) async throws -> Bool {
    while tightening.rounds < rounds, !tightening.isOver {
      if ContinuousClock.now >= options.deadline || isProofFull { return true }
      if tightening.slopes.isEmpty {
        let known = try await rowBound(piece, tightening.bounder)
        if isProven(piece.row, known.bound) { return true }
        tightening.slopes = known.slopes
      }
      let wanted = ConstrainedBounds(
        iterations: settings.constrainedIterations, threads: threads, deadline: options.deadline,
        slopes: tightening.slopes, weights: tightening.weights)
      guard
        let found = try await tightening.bounder.constrained(by: piece.row, splits: piece.path, options: wanted),
        found.gain >= settings.constrainedGain
      else {
        tightening.isOver = true
        return true
      }
      state.withLock { state in
        guard let proof = state.proof else { return }
        proof.boundAnew(piece.node, found.bounds)
        for bound in found.bounds {
          state.boundBytes += 160 + 8 * bound.terms.slopes.count + 4 * bound.terms.splitMultipliers.count
        }
      }
      switch found.result {
      case .empty: return false
      case .part(let part): tightening.bounder = part
      }
      tightening.rounds += 1
      tightening.weights = found.weights
      tightening.slopes = []
    }
    return true
  }

  /// Bounds that a proof must store take at most a quarter of the memory; the search goes on without more of them.
  private var isProofFull: Bool { state.withLock { $0.boundBytes > options.memory / 4 } }

  /// The bound of a piece's row, with the slopes behind it.
  private func rowBound(_ piece: Piece, _ bounder: any ActivationSplitBounder) async throws -> SplitBound {
    let slotOfNeuron = Dictionary(uniqueKeysWithValues: bounder.slots.enumerated().map { ($0.element, $0.offset) })
    let splits = piece.path.compactMap { split in
      slotOfNeuron[split.neuron].map { Split(slot: Int32($0), isActive: split.isActive) }
    }
    let item = SplitItem(row: piece.row, splits: splits, multipliers: splits.map { _ in 0 })
    return try await bounder.bound([item], iterations: settings.rootIterations / 2, deadline: options.deadline)[0]
  }

  private func isProven(_ row: Int, _ bound: Double) -> Bool {
    problem.verificationCase.rows[row].isStrict ? bound >= 0 : bound > 0
  }

  /// What a piece's run tells, as a part of the whole; and hears once the search is over.
  private func pieceEvents() -> SearchEvents {
    SearchEvents(
      isWitness: events.isWitness,
      progress: { [self] progress in
        let (before, open) = state.withLock { ($0.subproblems, $0.waiting.count + $0.busy - 1) }
        events.progress(
          SearchProgress(
            subproblems: before + progress.subproblems, open: open + progress.open, bound: progress.bound))
      },
      isStopped: { [self] in events.isStopped() || state.withLock { $0.end != nil } })
  }

  // MARK: The list of pieces

  /// The next piece, once there is one; nil at the end.
  private func next() async -> Piece? {
    await withCheckedContinuation { continuation in
      state.withLock { state in
        if state.end == nil, let piece = state.waiting.popLast() {
          state.busy += 1
          continuation.resume(returning: piece)
        } else if state.end != nil || state.busy == 0 {
          continuation.resume(returning: nil)
        } else {
          state.idle.append(continuation)
        }
      }
    }
  }

  /// Ends a worker's piece; with a result, ends the search.
  private func finish(_ piece: Piece?, _ end: SearchOutcome.Result? = nil, subtree: [ProofTree.Node] = []) {
    state.withLock { state in
      if let piece { state.proof?.close(piece.node, subtree) }
      state.busy -= 1
      if case .witness? = end { state.end = end } else { state.end = state.end ?? end }
      while state.end == nil, !state.idle.isEmpty, let piece = state.waiting.popLast() {
        state.busy += 1
        state.idle.removeLast().resume(returning: piece)
      }
      if state.end != nil || state.busy == 0 {
        for continuation in state.idle { continuation.resume(returning: nil) }
        state.idle.removeAll()
      }
    }
  }

  // MARK: Cuts

  /// A part of a scope while it is cut up.
  private struct Part {
    var piece: Piece
    var item: SplitItem
    var scores: [Float]
  }

  /// Lets the pieces of a run's scope wait. The first cuts decide how large the whole tree gets, so that many slots are
  /// tried for each.
  private func cutUp(_ piece: Piece, _ run: SplitSearchRun) async throws {
    guard let root = run.roots[piece.clause] else {
      return state.withLock { $0.gap = $0.gap ?? "Clause \(piece.clause + 1) has an open part without a bound." }
    }
    var whole = piece
    whole.whole = run.bounder
    whole.bound = max(piece.bound, root.domain.bound)
    state.withLock { $0.proof?.reopen(piece.node) }
    var parts = [Part(piece: whole, item: root.domain.item, scores: root.scores)]
    for _ in 0..<settings.narrowingDepth {
      var next: [Part] = []
      for part in parts { next += try await halves(part, run) }
      parts = next
    }
    state.withLock { $0.waiting += parts.map(\.piece) }
  }

  /// Both halves of a part at the slot whose halves gain most; the part itself where no slot is left or it is proven.
  private func halves(_ part: Part, _ run: SplitSearchRun) async throws -> [Part] {
    let slots = run.candidates(part.scores, splits: part.item.splits, count: settings.narrowingCandidates)
    if slots.isEmpty || run.isProven(part.item.row, part.piece.bound) { return [part] }
    let items = slots.flatMap { slot in
      [false, true].map { isActive in
        var item = part.item
        item.splits.append(Split(slot: slot, isActive: isActive))
        item.multipliers.append(0)
        return item
      }
    }
    let bounds = try await run.bounder.bound(
      items, iterations: settings.narrowingIterations, deadline: options.deadline)
    let gains = slots.indices.map { index in
      [bounds[2 * index], bounds[2 * index + 1]].reduce(1.0) { product, bound in
        product * max(min(bound.bound, 0) - part.piece.bound, 1e-6)
      }
    }
    let best = gains.indices.max { gains[$0] < gains[$1] } ?? 0
    let neuron = run.bounder.slots[Int(slots[best])]
    let nodes: (inactive: Int32, active: Int32) =
      state.withLock { $0.proof.map { $0.split(part.piece.node, neuron: neuron) } ?? (-1, -1) }
    return [(2 * best, false, nodes.inactive), (2 * best + 1, true, nodes.active)].map { index, isActive, node in
      var half = part
      half.piece.node = node
      half.piece.path.append(NeuronSplit(neuron: neuron, isActive: isActive))
      half.piece.bound = max(part.piece.bound, bounds[index].bound)
      half.item = items[index]
      half.item.slopes = bounds[index].slopes
      half.item.multipliers = bounds[index].multipliers
      half.scores = bounds[index].scores
      return half
    }
  }
}
