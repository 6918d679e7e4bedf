// The rounds of one search.

import BranchAndBound
import Compute
import Networks

extension SearchSession {
  /// Decides a case. Every launch is kept short enough for the deadline to be met within a tenth of a second or so.
  func run(
    _ tables: ChainTables, _ options: SearchOptions, _ events: SearchEvents
  ) async throws -> SearchOutcome {
    let clock = ContinuousClock()
    try load(tables)
    var state = RunState(boxesPerLaunch: 32)
    try writeEntries(tables.rootEntry(seal: 1), parity: 0)
    while true {
      // One round: all entries of the current half.
      try reset()
      var boxes = 0
      var counters = Counters(values: Counters.zero)
      var done = 0
      while done < state.entries {
        if clock.now >= options.deadline { return state.outcome(.timeout) }
        let count = min(state.entries - done, max(1, state.boxesPerLaunch / state.halves))
        let start = clock.now
        counters = try await launch(
          Order(
            parity: state.parity, firstEntry: done, entries: count, halves: state.halves, seal: state.seal), tables)
        state.adapt(boxes: count * state.halves, took: clock.now - start)
        done += count
        boxes += count * state.halves
        if let fault = counters.fault(boxes: boxes) {
          return state.outcome(.unknown("the device's counters do not add up: \(fault)"))
        }
      }
      state.subproblems += boxes
      state.stuck += counters[.stuck]
      state.bound = counters.leastBound
      if counters[.found] > 0 {
        for candidate in try candidates(counters[.found]) where candidate.allSatisfy(\.isFinite) {
          if events.isWitness(candidate) { return state.outcome(.witness(candidate)) }
        }
      }
      state.next(counters[.pushed])
      if let reason = try moveEntries(&state, memory: options.memory) { return state.outcome(.unknown(reason)) }
      events.progress(state.progress)
      if state.entries == 0 {
        if state.stuck == 0 { return state.outcome(.proven(nil)) }
        return state.outcome(
          .unknown("\(state.stuck) boxes are too narrow to be halved again and neither proven nor refuted"))
      }
    }
  }

  /// Keeps room for a round's splits: what is too much goes to host memory, and comes back when the device is done.
  private func moveEntries(_ state: inout RunState, memory: Int) throws -> String? {
    let words = round.shape.words
    let keep = round.capacity / 2
    if state.entries > keep {
      let moved = try readEntries(parity: state.parity, from: keep, count: state.entries - keep)
      state.waiting.append(moved)
      state.waitingEntries += state.entries - keep
      state.entries = keep
      if state.waitingEntries * words * 4 > memory {
        return "the open boxes exceed \(memory >> 20) MiB of memory; allow more with --memory"
      }
    } else if state.entries == 0, let first = state.waiting.first {
      var taken = first
      if taken.count > keep * words {
        state.waiting[0] = Array(taken[(keep * words)...])
        taken = Array(taken[..<(keep * words)])
      } else {
        state.waiting.removeFirst()
      }
      let count = taken.count / words
      for entry in 0..<count {
        taken[entry * words + 4 * round.shape.inputs + 2] = UInt32(truncatingIfNeeded: state.seal)
      }
      try writeEntries(taken, parity: state.parity)
      state.waitingEntries -= count
      state.entries = count
    }
    return nil
  }
}

/// Where a search stands between rounds.
private struct RunState {
  var parity = 0
  var entries = 1
  var halves = 1
  /// Grows by one with every round; entries of another round are noticed by it.
  var seal = 1
  var subproblems = 0
  var stuck = 0
  var bound = Double.nan
  var boxesPerLaunch: Int
  /// Entries in host memory, oldest first.
  var waiting: [[UInt32]] = []
  var waitingEntries = 0

  init(boxesPerLaunch: Int) { self.boxesPerLaunch = boxesPerLaunch }

  var progress: SearchProgress {
    SearchProgress(subproblems: subproblems, open: 2 * (entries + waitingEntries), bound: bound)
  }

  func outcome(_ result: SearchOutcome.Result) -> SearchOutcome { SearchOutcome(result: result, progress: progress) }

  mutating func next(_ pushed: Int) {
    (parity, entries, halves, seal) = (1 - parity, pushed, 2, seal + 1)
  }

  /// Aims at 80 ms for a launch.
  mutating func adapt(boxes: Int, took: Duration) {
    guard boxes >= boxesPerLaunch || took > .milliseconds(120) else { return }
    let rate = Double(boxes) / max(took / .milliseconds(80), 1e-6)
    boxesPerLaunch = min(max(Int(rate), 32), 4 * max(boxes, 64), 1 << 22)
  }
}
