// Complete search by input splits for small ReLU chains, with the frontier on the device.
//
// Breadth first. A round is a few launches and a read of nine counters, which must add up: every box popped is proven,
// split or stuck, and every split is one entry pushed. Anything else ends in "unknown": a device that loses boxes must
// not prove anything. What does not fit the device's half of the frontier waits in host memory.

import BranchAndBound
import Compute
import Networks
import Synchronization

/// The fused search: networks of dense layers up to 64 wide, in binary64 throughout.
public final class DeviceInputSearch: SearchEngine {
  public let name: String
  let device: any Device
  let capacity: Int
  private let idle = Mutex<[Key: [SearchSession]]>([:])

  private struct Key: Hashable {
    var shape: SearchShape
    var isSafe: Bool
  }

  /// - Parameter capacity: entries that each half of the device's frontier holds; about 200 bytes each.
  public init(device: any Device, capacity: Int = 1 << 17) {
    self.device = device
    self.capacity = max(8, capacity)
    name = "fused input splits, binary64, \(device.identity.kind) \(device.identity.name)"
  }

  /// Why this engine does not take a problem, in words; nil if it does.
  public static func refusal(_ problem: SearchProblem, _ semantics: Semantics = .real) -> String? {
    if semantics != .real, let reason = problem.network.float32Problem { return reason }
    guard let chain = ReLUChain(problem.network) else {
      return "the network is not a chain of dense layers and ReLU"
    }
    if chain.width > 64 || chain.hidden.count > 16 || chain.inputCount > 16 {
      return "the network has layers wider than 64, more than 16 hidden layers or more than 16 inputs"
    }
    let one = problem.verificationCase
    let rows = one.clauses.reduce(0) { $0 + $1.count }
    if rows > 32 || one.clauses.count > 31 || one.clauses.contains(where: \.isEmpty) {
      return "the property has more than 32 constraints on outputs, more than 31 clauses or an empty one"
    }
    if one.ball != nil || !one.inputRows.isEmpty { return "the region is not a plain box" }
    if one.rows.contains(where: { $0.neurons.contains { !problem.network.outputs.contains($0) } }) {
      return "a constraint on outputs reads inputs"
    }
    return nil
  }

  public func search(
    _ problem: SearchProblem, _ options: SearchOptions, _ events: SearchEvents
  ) async throws -> SearchOutcome {
    func unknown(_ reason: String) -> SearchOutcome {
      SearchOutcome(result: .unknown(reason), progress: SearchProgress(subproblems: 0, open: 0, bound: .nan))
    }
    if let reason = Self.refusal(problem, options.semantics) { return unknown(reason) }
    guard let chain = ReLUChain(problem.network),
      let tables = ChainTables(
        chain, problem.verificationCase, semantics: options.semantics, isSafe: options.isRoundingSafe)
    else { return unknown("the network's numbers are too large or too small for the fused search") }
    if tables.clauseCount == 0 {
      return SearchOutcome(
        result: .proven(nil), progress: SearchProgress(subproblems: 0, open: 0, bound: .infinity))
    }
    let key = Key(shape: tables.shape, isSafe: options.isRoundingSafe)
    let session: SearchSession
    if let known = idle.withLock({ $0[key]?.popLast() }) {
      session = known
    } else {
      // Compiling takes seconds on some drivers; a session that comes late is dropped, its program is kept.
      let (device, capacity) = (device, capacity)
      let made = try await beforeDeadline(options.deadline) {
        let session = try await SearchSession(device, key.shape, capacity: capacity, isSafe: key.isSafe)
        return (session: session, fault: try await session.admissionFault())
      }
      guard let made else {
        return SearchOutcome(result: .timeout, progress: SearchProgress(subproblems: 0, open: 1, bound: .nan))
      }
      if let fault = made.fault {
        return unknown("the device \(device.identity.name) failed the test of the search kernel: \(fault)")
      }
      session = made.session
    }
    let outcome = try await session.run(tables, options, events)
    idle.withLock { $0[key, default: []].append(session) }
    return outcome
  }
}
