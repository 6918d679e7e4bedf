// Bounds alone, without a search: for measurements and tests.

import BranchAndBound
import CFusedBounds
import Networks
import Synchronization

/// Rigorous lower bounds of a case's rows on many boxes, all intermediate neurons bounded anew for each box.
public struct FusedBounds: Sendable {
  private let problem: FusedProblem
  private let level: FusedLevel

  /// - Throws: `FusedBoundsError` with the reason if the network does not fit.
  public init(
    _ problem: SearchProblem, semantics: Semantics = .real, isRoundingSafe: Bool = true
  ) throws(FusedBoundsError) {
    try self.init(problem, semantics: semantics, isRoundingSafe: isRoundingSafe, level: .best)
  }

  package init(
    _ problem: SearchProblem, semantics: Semantics = .real, isRoundingSafe: Bool = true, level: FusedLevel
  ) throws(FusedBoundsError) {
    self.problem = try FusedProblem(problem, semantics: semantics, isRoundingSafe: isRoundingSafe, level: level)
    self.level = level
  }

  /// phi >= the bound everywhere on each box, box after box, rows in the order of the clauses; NaN: no bound.
  /// The boxes must lie in the region of the case. With `inheritsStability`, neurons that are stable on the whole region
  /// are taken for stable, as a search does; else every neuron is bounded, as `bench bounds` measures.
  public func lowerBounds(
    lower: [[Double]], upper: [[Double]], inheritsStability: Bool = false, threads: Int = 1
  ) async throws(FusedBoundsError) -> [[Double]] {
    precondition(lower.count == upper.count)
    let collector = Collector(count: lower.count)
    var works: [WorkBox] = []
    for _ in 0..<max(1, threads) { works.append(WorkBox(work: try FusedWork(problem, level))) }
    let problem = self.problem
    await withTaskGroup(of: Void.self) { group in
      for box in works {
        group.addTask {
          while let share = collector.share() {
            for index in share {
              var entry = problem.entry(lower[index], upper[index], inheritsStability: inheritsStability)
              _ = box.work.bound(&entry)
              collector.store(box.work.lower, at: index)
            }
          }
        }
      }
    }
    return collector.results.withLock { $0 }
  }

  /// The bounds of the operands of ReLU on one box, by neuron number; neurons that no row depends on are missing.
  package func operandBounds(lower: [Double], upper: [Double]) throws(FusedBoundsError) -> [Int: ClosedRange<Double>]? {
    let work = try FusedWork(problem, level)
    var entry = problem.entry(lower, upper, inheritsStability: false)
    guard work.bound(&entry) else { return nil }
    var result: [Int: ClosedRange<Double>] = [:]
    for (index, stage) in problem.plan.stages.enumerated() where stage.isRelu {
      let bounds = work.stageBounds(index + 1, stage)
      for (element, operand) in stage.operands.enumerated() {
        result[operand] = bounds.lower[element]...bounds.upper[element]
      }
    }
    return result
  }
}

/// Shares boxes among tasks and takes their bounds.
private final class Collector: Sendable {
  private let count: Int
  private let next = Atomic<Int>(0)
  let results: Mutex<[[Double]]>

  init(count: Int) {
    self.count = count
    results = Mutex(Array(repeating: [], count: count))
  }

  func share() -> Range<Int>? {
    let begin = next.add(64, ordering: .relaxed).oldValue
    return begin < count ? begin..<min(begin + 64, count) : nil
  }

  func store(_ bounds: [Double], at index: Int) { results.withLock { $0[index] = bounds } }
}

/// Hands a thread's scratch memory to the one task that uses it.
struct WorkBox: @unchecked Sendable {
  let work: FusedWork
}

extension FusedProblem {
  /// An entry of the frontier for a box.
  func entry(_ lower: [Double], _ upper: [Double], inheritsStability: Bool) -> [UInt64] {
    var entry = rootEntry
    for index in 0..<plan.inputCount {
      entry[1 + index] = lower[index].bitPattern
      entry[1 + plan.inputCount + index] = upper[index].bitPattern
    }
    if inheritsStability { return entry }
    var at = 1 + 2 * plan.inputCount
    let words = plan.stages.reduce(0) { $0 + $1.words }
    for stage in plan.stages {
      for word in 0..<stage.words {
        let bits = stage.size - word * 64
        entry[at] = bits >= 64 ? .max : (1 << UInt64(bits)) - 1
        entry[at + words] = 0
        at += 1
      }
    }
    return entry
  }
}
