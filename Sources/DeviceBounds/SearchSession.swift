// A prepared round and the host's side of a search: orders, counters, overflow to host memory, verdict.

import BranchAndBound
import Compute
import Networks

/// One search at a time on one prepared list.
package final class SearchSession: Sendable {
  package let round: InputSearchRound
  let list: CommandList
  private let prepared: any PreparedList

  package init(_ device: any Device, _ shape: SearchShape, capacity: Int, isSafe: Bool) async throws {
    var list = CommandList()
    round = InputSearchRound(shape, capacity: capacity, isSafe: isSafe, in: &list)
    try list.append(round)
    self.list = list
    prepared = try await device.prepare(list, instances: 1)[0]
  }

  init(_ round: InputSearchRound, _ list: CommandList, _ prepared: any PreparedList) {
    self.round = round
    self.list = list
    self.prepared = prepared
  }

  /// What a round left.
  struct Counters: Equatable {
    var values: [Int32]

    subscript(_ counter: InputSearchRound.Counter) -> Int { Int(values[counter.rawValue]) }

    static let zero: [Int32] = {
      var values = [Int32](repeating: 0, count: InputSearchRound.Counter.allCases.count)
      values[InputSearchRound.Counter.least.rawValue] = .max
      return values
    }()

    /// What does not add up after `boxes` boxes; nil if all does.
    func fault(boxes: Int) -> String? {
      if self[.popped] != boxes { return "\(self[.popped]) of \(boxes) boxes were popped" }
      if self[.unsealed] != 0 { return "\(self[.unsealed]) entries of the frontier were not written as a whole" }
      if self[.overflown] != 0 { return "\(self[.overflown]) splits found no room in the frontier" }
      if self[.proven] + self[.split] + self[.stuck] != boxes {
        return "\(boxes) boxes gave \(self[.proven]) proven, \(self[.split]) split and \(self[.stuck]) stuck"
      }
      if self[.pushed] != self[.split] { return "\(self[.split]) splits pushed \(self[.pushed]) entries" }
      return nil
    }

    var leastBound: Double { Double(InputSearchRound.float(orderedBits: values.last!)) }
  }

  /// Uploads a network with its case.
  func load(_ tables: ChainTables) throws {
    precondition(tables.shape == round.shape)
    try prepared.write(tables.weights, to: round.weights)
    try prepared.write(tables.transposed, to: round.transposed)
    try prepared.write(tables.first, to: round.first)
    try prepared.write(tables.biases, to: round.biases)
    try prepared.write(tables.rows, to: round.rows)
    try prepared.write(tables.constants, to: round.constants)
    try prepared.write(tables.clauses, to: round.clauses)
    try prepared.write([tables.omega], to: round.omega)
  }

  /// What a launch is to do.
  struct Order {
    var parity: Int
    var firstEntry: Int
    var entries: Int
    var halves: Int
    var seal: Int
    var boundsOnly = false
  }

  func reset() throws { try prepared.write(Counters.zero, to: round.counters) }

  /// Runs one launch and gives the counters since the last reset.
  func launch(_ order: Order, _ tables: ChainTables) async throws -> Counters {
    var words = [Int32](repeating: 0, count: InputSearchRound.Order.allCases.count)
    words[InputSearchRound.Order.parity.rawValue] = Int32(order.parity)
    words[InputSearchRound.Order.entries.rawValue] = Int32(order.entries)
    words[InputSearchRound.Order.halves.rawValue] = Int32(order.halves)
    words[InputSearchRound.Order.capacity.rawValue] = Int32(round.capacity)
    words[InputSearchRound.Order.rows.rawValue] = Int32(tables.rowCount)
    words[InputSearchRound.Order.clauses.rawValue] = Int32(tables.clauseCount)
    words[InputSearchRound.Order.boundsOnly.rawValue] = order.boundsOnly ? 1 : 0
    words[InputSearchRound.Order.seal.rawValue] = Int32(truncatingIfNeeded: order.seal)
    words[InputSearchRound.Order.firstEntry.rawValue] = Int32(order.firstEntry)
    try prepared.write(words, to: round.order)
    try await prepared.run()
    return Counters(values: try prepared.read(round.counters, as: Int32.self))
  }

  /// The candidates of the rounds since the last reset.
  func candidates(_ count: Int) throws -> [[Double]] {
    let numbers = try prepared.read(round.found, as: Double.self)
    let inputs = round.shape.inputs
    return (0..<min(count, InputSearchRound.candidates)).map { Array(numbers[$0 * inputs..<($0 + 1) * inputs]) }
  }

  func readEntries(parity: Int, from start: Int, count: Int) throws -> [UInt32] {
    try prepared.read(
      round.frontier, as: UInt32.self, from: (parity * round.capacity + start) * round.shape.words,
      count: count * round.shape.words)
  }

  func writeEntries(_ words: [UInt32], parity: Int) throws {
    try prepared.write(words, to: round.frontier, from: parity * round.capacity * round.shape.words)
  }

  /// Lower bounds of all rows on boxes (lows, then highs), each bounded on its own; at most
  /// `InputSearchRound.boundCapacity` boxes.
  package func bounds(_ boxes: [[Double]], _ tables: ChainTables) async throws -> [[Double]] {
    try load(tables)
    try writeEntries(boxes.flatMap { tables.entry($0, seal: 1) }, parity: 0)
    try reset()
    _ = try await launch(
      Order(parity: 0, firstEntry: 0, entries: boxes.count, halves: 1, seal: 1, boundsOnly: true), tables)
    let numbers = try prepared.read(
      round.bounds, as: Double.self, from: 0, count: boxes.count * round.shape.rows)
    return boxes.indices.map { box in
      Array(numbers[box * round.shape.rows..<box * round.shape.rows + tables.rowCount])
    }
  }

  /// Fills the frontier with boxes (lows, highs) for `repeatRound`.
  package func loadRound(_ boxes: [[Double]], _ tables: ChainTables) throws {
    precondition(boxes.count <= round.capacity)
    try load(tables)
    try writeEntries(boxes.flatMap { tables.entry($0, seal: 1) }, parity: 0)
  }

  /// Bounds, clips and splits the first boxes of the frontier as a search's round does, and leaves them there: the same
  /// work at every call, for measurements. Throws if the counters do not add up.
  package func repeatRound(_ boxes: Int, _ tables: ChainTables) async throws {
    try reset()
    let counters = try await launch(Order(parity: 0, firstEntry: 0, entries: boxes, halves: 1, seal: 1), tables)
    if let fault = counters.fault(boxes: boxes) {
      throw DeviceError.unsupported("the device's counters do not add up: \(fault)")
    }
  }
}
