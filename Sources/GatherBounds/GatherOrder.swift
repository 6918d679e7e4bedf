// Which neurons share a block: those that share most of their partners.
//
// All channels of a pixel multiply with the same neurons, so sorting by the first and the last partner groups pixels
// without knowing that the layer is a convolution. The order with the shortest lists wins.

import CGatherBounds

enum GatherOrder {
  /// Blocks of eight: the neurons of a unit in the best of several orders, padded with -1.
  static func blocks(of alive: [Int], _ unit: GatherUnit, _ units: GatherUnits) -> [Int32] {
    if alive.count <= 8 { return padded(alive) }
    var candidates = [padded(alive)]
    if unit.kind != .input {
      let keys = unit.outputs.map { neuron in
        let row = neuron - unit.outputs.lowerBound
        let entries = unit.map.rows.starts[row]..<unit.map.rows.starts[row + 1]
        return entries.isEmpty
          ? (Int32(0), Int32(0))
          : (unit.map.rows.columns[entries.lowerBound], unit.map.rows.columns[entries.upperBound - 1])
      }
      candidates.append(padded(sorted(alive) { keys[$0 - unit.outputs.lowerBound] }))
    }
    candidates.append(
      padded(
        sorted(alive) { neuron in
          let first = Int(units.consumerStarts[neuron])
          let end = Int(units.consumerStarts[neuron + 1])
          return first == end ? (0, 0) : (units.consumers[first], units.consumers[end - 1])
        }))
    // Where every neuron has all partners, all orders are the same.
    if candidates.allSatisfy({ $0 == candidates[0] }) { return candidates[0] }
    var best = candidates[0]
    var bestCost = Int64.max
    for candidate in candidates {
      let cost = cost(candidate, unit, units)
      if cost < bestCost {
        best = candidate
        bestCost = cost
      }
    }
    return best
  }

  /// The operands of a unit so that neighbours share sources.
  static func grouped(_ operands: [Int], _ unit: GatherUnit) -> [Int] {
    sorted(operands) { operand in
      let row = operand - unit.operands.lowerBound
      let entries = unit.map.rows.starts[row]..<unit.map.rows.starts[row + 1]
      return entries.isEmpty
        ? (0, 0) : (unit.map.rows.columns[entries.lowerBound], unit.map.rows.columns[entries.upperBound - 1])
    }
  }

  private static func padded(_ neurons: [Int]) -> [Int32] {
    neurons.map(Int32.init) + [Int32](repeating: -1, count: (8 - neurons.count % 8) % 8)
  }

  private static func sorted(_ alive: [Int], by key: (Int) -> (Int32, Int32)) -> [Int] {
    alive.map { (key($0), $0) }.sorted { ($0.0.0, $0.0.1, $0.1) < ($1.0.0, $1.0.1, $1.1) }.map(\.1)
  }

  /// The lengths of the lists of a sample of blocks, both directions, with all partners alive.
  private static func cost(_ members: [Int32], _ unit: GatherUnit, _ units: GatherUnits) -> Int64 {
    let blocks = members.count / 8
    let step = max(1, blocks / 24)
    var total: Int64 = 0
    var seen: Set<Int32> = []
    for block in stride(from: 0, to: blocks, by: step) {
      seen.removeAll(keepingCapacity: true)
      for neuron in members[8 * block..<8 * block + 8] where neuron >= 0 {
        let first = Int(units.consumerStarts[Int(neuron)])
        let end = Int(units.consumerStarts[Int(neuron) + 1])
        for entry in first..<end { seen.insert(units.consumers[entry]) }
      }
      total += Int64(seen.count)
      if unit.kind == .input { continue }
      seen.removeAll(keepingCapacity: true)
      for neuron in members[8 * block..<8 * block + 8] where neuron >= 0 {
        let row = Int(neuron) - unit.outputs.lowerBound
        for entry in unit.map.rows.starts[row]..<unit.map.rows.starts[row + 1] {
          seen.insert(unit.map.rows.columns[entry])
        }
      }
      total += Int64(seen.count)
    }
    return total
  }
}
