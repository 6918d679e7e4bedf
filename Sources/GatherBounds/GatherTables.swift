// A finished plan as plain tables, for devices that run it with kernels of their own.

import Networks

/// Everything that bounding items takes, in binary32; blocks are numbered over all units, inputs first.
package struct GatherTables: Sendable {
  package struct Unit: Sendable {
    package var firstBlock: Int
    package var blocks: Int
    /// Among the rows of all units but the inputs.
    package var firstRow: Int
    package var isInput: Bool
    /// Where its rows are in `rowStarts`; nil where no row of the case starts.
    package var firstStart: Int?

    package init(firstBlock: Int, blocks: Int, firstRow: Int, isInput: Bool, firstStart: Int?) {
      self.firstBlock = firstBlock
      self.blocks = blocks
      self.firstRow = firstRow
      self.isInput = isInput
      self.firstStart = firstStart
    }
  }

  package var units: [Unit] = []
  package var rowCount = 0
  package var inputRows = 0
  package var blockCount = 0
  package var slotCount = 0
  /// For each block the entries of its list, with one end more.
  package var backStarts: [Int32] = [0]
  package var backIndex: [Int32] = []
  package var backPanel: [Float] = []
  package var foreStarts: [Int32] = [0]
  /// Entries before it are rows of the inputs.
  package var foreMiddles: [Int32] = []
  package var foreIndex: [Int32] = []
  package var forePanel: [Float] = []
  /// Pairs (unstable, passing) of bit masks.
  package var masks: [UInt8] = []
  package var firstSlot: [Int32] = []
  package var lines: [Float] = []
  package var biases: [Float] = []
  package var box: [Float] = []
  /// [rows of units where rows start][rows of the case]
  package var rowStarts: [Float] = []
  package var rowConstants: [(constant: Double, error: Double)] = []
  package var floor = 0.0
  package var relative = 0.0
  /// For each slot of the bounder its place, block and bit.
  package var places: [(place: Int, block: Int, bit: Int)] = []
  package var defaultSlopes: [Float] = []
  package var intercepts: [Float] = []
  /// The row of each input.
  package var rowOfInput: [Int] = []

  package init() {}
}

extension GatherBounder {
  /// The tables of this bounder's plan; nil where it is not in binary32 or the region is more than a box.
  package var tables: GatherTables? {
    let plan = engine.plan
    guard !plan.arithmetic.isWide, verificationCase.ball == nil, verificationCase.inputRows.isEmpty else { return nil }
    var tables = GatherTables()
    tables.rowCount = plan.rowCount
    tables.inputRows = plan.inputRows
    tables.blockCount = plan.blockCount
    tables.slotCount = plan.slotCount
    tables.floor = plan.floor
    tables.relative = plan.relative
    for storage in plan.blocks { tables.append(storage) }
    setStarts(&tables, plan)
    setSlots(&tables, plan)
    tables.rowOfInput = plan.units.units[0].outputs.map { Int(plan.rowOfNeuron[$0]) }
    return tables
  }

  private func setStarts(_ tables: inout GatherTables, _ plan: GatherPlan) {
    let rows = verificationCase.rows.map(plan.start)
    tables.rowConstants = rows.map { (constant: $0.constant, error: $0.error) }
    for (number, row) in rows.enumerated() {
      for (neuron, coefficient) in zip(row.neurons, row.coefficients) {
        let place = Int(plan.rowOfNeuron[Int(neuron)])
        if place < 0 { continue }
        let unit = Int(plan.units.unitOfOutput[Int(neuron)])
        if tables.units[unit].firstStart == nil {
          tables.units[unit].firstStart = tables.rowStarts.count / rows.count
          let more = tables.units[unit].blocks * 8 * rows.count
          tables.rowStarts += [Float](repeating: 0, count: more)
        }
        let local = unit == 0 ? place : place - plan.inputRows - tables.units[unit].firstRow
        tables.rowStarts[(tables.units[unit].firstStart! + local) * rows.count + number] = Float(coefficient)
      }
    }
  }

  private func setSlots(_ tables: inout GatherTables, _ plan: GatherPlan) {
    var found: [Int: (place: Int, block: Int, bit: Int)] = [:]
    var place = 0
    for block in 0..<plan.blockCount {
      for bit in 0..<8 where tables.masks[2 * block] >> UInt8(bit) & 1 != 0 {
        found[plan.slotNeurons[place]] = (place, block, bit)
        place += 1
      }
    }
    tables.places = slots.map { found[$0]! }
    tables.defaultSlopes = slots.map { upper[$0] > -lower[$0] ? 1 : 0 }
    tables.intercepts = slots.map { Float(-lower[$0] * upper[$0] / (upper[$0] - lower[$0])) }
  }
}

extension GatherTables {
  fileprivate mutating func append(_ storage: GatherBlocks) {
    let unit = storage.unit
    let blocks = Int(unit.blocks)
    units.append(
      Unit(
        firstBlock: Int(unit.first_block), blocks: blocks, firstRow: Int(unit.first_row), isInput: unit.is_input != 0,
        firstStart: nil))
    let backward = Int32(backIndex.count)
    let forward = Int32(foreIndex.count)
    for block in 0..<blocks {
      backStarts.append(backward + unit.back_starts[block + 1])
      foreStarts.append(forward + unit.fore_starts[block + 1])
      foreMiddles.append(forward + unit.fore_middles[block])
      masks += [unit.unstable[block], unit.passing[block]]
      firstSlot.append(unit.first_slot[block])
    }
    let backCount = Int(unit.back_starts[blocks])
    let foreCount = Int(unit.fore_starts[blocks])
    backIndex += UnsafeBufferPointer(start: unit.back_index, count: backCount)
    backPanel += floats(unit.back_panel, 8 * backCount)
    foreIndex += UnsafeBufferPointer(start: unit.fore_index, count: foreCount)
    forePanel += floats(unit.fore_panel, 8 * foreCount)
    if unit.is_input != 0 {
      box += floats(unit.box, 16 * blocks)
    } else {
      lines += floats(unit.lines, 32 * blocks)
      biases += floats(unit.bias, 16 * blocks)
    }
  }

  private func floats(_ address: UnsafeRawPointer, _ count: Int) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(start: address.assumingMemoryBound(to: Float.self), count: count)
  }
}
