// The rounds of an input-split search: take boxes from the frontier, bound them on all threads, read the results in
// order.

import BranchAndBound
import CFusedBounds
import Networks
import Synchronization

/// One search. Used by one task; its rounds fan out to others.
final class InputSplits: @unchecked Sendable {
  private let problem: FusedProblem
  private let options: SearchOptions
  private let events: SearchEvents
  private let works: [WorkBox]
  private var frontier: Frontier
  private var record: TreeRecord?
  private let inputCount: Int

  /// The round: entries, results and candidate points, by position.
  private let entries: UnsafeMutablePointer<UInt64>
  private let results: UnsafeMutablePointer<cfb_result>
  private let points: UnsafeMutablePointer<Double>
  private let roundSize: Int
  private var taken = 0
  private let next = Atomic<Int>(0)
  /// The first position with a candidate; later ones wait.
  private let firstCandidate = Atomic<Int>(.max)
  private let isOver = Atomic<Bool>(false)

  private var progress = SearchProgress(subproblems: 0, open: 1, bound: .nan)
  private var lastReport = ContinuousClock.now
  private var candidates = 0
  private var refusals = 0
  /// Boxes given up, by status, with one of them as an example.
  private var givenUp: [Int: Int] = [:]

  init(_ problem: FusedProblem, _ options: SearchOptions, _ events: SearchEvents) throws(FusedBoundsError) {
    self.problem = problem
    self.options = options
    self.events = events
    inputCount = problem.plan.inputCount
    var works: [WorkBox] = []
    for _ in 0..<max(1, options.threads) { works.append(WorkBox(work: try FusedWork(problem, .best))) }
    self.works = works
    frontier = Frontier(words: problem.entryWords)
    record = options.wantsProof ? TreeRecord() : nil
    // Rounds of some milliseconds: multiplications of a box with all neurons alive, a fixed number of them.
    let sizes = problem.plan.sizes
    let weights = problem.plan.stages.reduce(0) { sum, stage in
      sum + stage.edges.reduce(0) { $0 + ($1.isDense ? stage.size * sizes[$1.source] : 8 * $1.rows.columns.count) }
    }
    roundSize = min(4096, max(16, 50_000_000 / (1 + weights)))
    entries = .allocate(capacity: roundSize * problem.entryWords)
    results = .allocate(capacity: roundSize)
    points = .allocate(capacity: roundSize * max(1, inputCount))
    frontier.pushBack().update(from: problem.rootEntry, count: problem.entryWords)
  }

  deinit {
    entries.deallocate()
    results.deallocate()
    points.deallocate()
  }

  private var mustStop: Bool { ContinuousClock.now >= options.deadline || events.isStopped() }

  /// Runs to the end.
  func run() async -> SearchOutcome {
    while frontier.count > 0 {
      if isOver.load(ordering: .relaxed) || mustStop { return outcome(.timeout) }
      if frontier.bytes + (record?.bytes ?? 0) > options.memory {
        return outcome(
          .unknown("The open parts of the search do not fit in \(options.memory >> 20) MiB; give it more memory."))
      }
      takeRound()
      await boundRound()
      if let witness = readRound() { return outcome(.witness(witness)) }
      report()
    }
    if givenUp.isEmpty { return outcome(.proven(record?.tree())) }
    return outcome(.unknown(reason))
  }

  private func outcome(_ result: SearchOutcome.Result) -> SearchOutcome {
    progress.open = frontier.count
    return SearchOutcome(result: result, progress: progress)
  }

  private func takeRound() {
    // Breadth-first finds witnesses early; depth-first needs little memory.
    let isDeep = frontier.count * problem.entryWords * 8 > options.memory / 2
    taken = min(frontier.count, isDeep ? min(roundSize, 64) : roundSize)
    for position in 0..<taken {
      let entry = entries + position * problem.entryWords
      if isDeep { frontier.popBack(into: entry) } else { frontier.popFront(into: entry) }
      results[position] = cfb_result()
    }
  }

  private func boundRound() async {
    next.store(0, ordering: .relaxed)
    firstCandidate.store(.max, ordering: .relaxed)
    let helpers = min(works.count - 1, taken / 8)
    if helpers == 0 {
      bound(works[0])
      return
    }
    await withTaskGroup(of: Void.self) { group in
      for box in works[1...helpers] { group.addTask { self.bound(box) } }
      bound(works[0])
    }
  }

  /// Bounds entries of the round until none is left; called from several tasks at once.
  private func bound(_ box: WorkBox) {
    let share = taken < 64 ? 1 : 8
    while true {
      let begin = next.add(share, ordering: .relaxed).oldValue
      if begin >= taken { return }
      for position in begin..<min(begin + share, taken) {
        if position > firstCandidate.load(ordering: .relaxed) { return }
        if isOver.load(ordering: .relaxed) { return }
        if mustStop {
          isOver.store(true, ordering: .relaxed)
          return
        }
        cfb_step(
          problem.pointer, box.work.pointer, entries + position * problem.entryWords, results + position,
          points + position * inputCount)
        // Many refusals: candidates no longer make the others wait.
        if results[position].is_candidate != 0, refusals < 32 {
          firstCandidate.min(position, ordering: .relaxed)
        }
      }
    }
  }

  /// Reads the results in order; returns a witness if one was accepted.
  private func readRound() -> [Double]? {
    var bound = Double.infinity
    var unprocessed: [Int] = []
    for position in 0..<taken {
      let result = results[position]
      let entry = entries + position * problem.entryWords
      let node = Int(entry[0])
      let status = Int(result.status)
      if status == CFB_UNPROCESSED {
        unprocessed.append(position)
        continue
      }
      progress.subproblems += 1
      if result.is_candidate != 0, let witness = judge(position) { return witness }
      switch status {
      case CFB_PROVEN, CFB_OUTSIDE: record?.close(node, isClipped: false)
      case CFB_EMPTIED: record?.close(node, isClipped: true)
      case CFB_SPLIT:
        bound = min(bound, result.bound)
        split(entry, result)
      default: givenUp[status, default: 0] += 1
      }
    }
    for position in unprocessed.reversed() { frontier.pushFront(entries + position * problem.entryWords) }
    progress.open = frontier.count
    if bound < .infinity { progress.bound = bound }
    return nil
  }

  /// Asks about a candidate; after many refusals only about ever fewer of them.
  private func judge(_ position: Int) -> [Double]? {
    candidates += 1
    if refusals >= 32, candidates & (candidates - 1) != 0 { return nil }
    if mustStop { return nil }
    let point = Array(UnsafeBufferPointer(start: points + position * inputCount, count: inputCount))
    if events.isWitness(point) { return point }
    refusals += 1
    return nil
  }

  private func split(_ entry: UnsafeMutablePointer<UInt64>, _ result: cfb_result) {
    let child =
      record?.split(
        Int(entry[0]), axis: Int(result.axis), at: result.middle, isClipped: result.is_clipped != 0) ?? 0
    let lower = 1 + Int(result.axis)
    let upper = lower + inputCount
    let left = frontier.pushBack()
    left.update(from: entry, count: problem.entryWords)
    left[0] = UInt64(child)
    left[upper] = result.middle.bitPattern
    let right = frontier.pushBack()
    right.update(from: entry, count: problem.entryWords)
    right[0] = UInt64(child + 1)
    right[lower] = result.middle.bitPattern
  }

  private func report() {
    let now = ContinuousClock.now
    if now - lastReport < .milliseconds(200) { return }
    lastReport = now
    events.progress(progress)
  }

  private var reason: String {
    let total = givenUp.values.reduce(0, +)
    var parts: [String] = []
    if let count = givenUp[CFB_BELOW_ERROR] {
      parts.append("on \(count) the margin is below the rounding error that a proof has to allow for")
    }
    if let count = givenUp[CFB_TOO_NARROW] {
      parts.append("\(count) are as narrow as rounding allows")
    }
    if let count = givenUp[CFB_NOT_FINITE] { parts.append("on \(count) a bound is infinite or not a number") }
    return "\(total) parts of the input box stay undecided: \(parts.joined(separator: ", "))."
  }
}
