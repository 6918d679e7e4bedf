// The gather blocks of a network on one region: plain data that any device can run (DESIGN section 7).
//
// Neurons that are 0 on the whole region are dropped; the rest of each unit is cut into blocks of eight that share most
// of their partners. Rows number the alive neurons, slots the unstable ones.

import BranchAndBound
import CGatherBounds
import Networks

/// Blocks, lists, panels, lines and charges of the first units of a network.
///
/// Grows unit by unit while the root bounds are found, and is not changed afterwards.
final class GatherPlan: @unchecked Sendable {
  let units: GatherUnits
  let arithmetic: GatherArithmetic
  let semantics: Semantics
  let isRoundingSafe: Bool
  let omitted: Set<ErrorTerm>
  let isDense: Bool
  /// True while the root is bounded: lists of consumers grow later, so every fan-out counts all consumers.
  let isGrowing: Bool

  /// The storage of the units planned so far.
  private(set) var blocks: [GatherBlocks] = []
  /// For each neuron that other units read its row: inputs 0..<inputRows, then the rows of all other units, counted on
  /// from there; -1 where it is dropped or not planned yet.
  private(set) var rowOfNeuron: [Int32]
  private(set) var inputRows = 0
  /// Rows, blocks and slots of all units but the inputs; `blockCount` counts those of the inputs too.
  private(set) var rowCount = 0
  private(set) var blockCount = 0
  private(set) var slotCount = 0
  /// The operand of each slot.
  private(set) var slotNeurons: [Int] = []
  /// gamma(K) m and m of each neuron that other units read (soundness.md 1.2): what one unit of a coefficient costs.
  private(set) var chargeOfNeuron: [Double]
  private(set) var magnitudeOfNeuron: [Double]
  private var nodesAndMagnitudes = 0.0
  private var longest = GatherArithmetic.privateLength

  /// A plan of no units yet; the precision may differ from that of the options.
  init(_ units: GatherUnits, _ precision: GatherPrecision, _ options: GatherOptions, isGrowing: Bool) {
    self.units = units
    semantics = options.semantics
    isRoundingSafe = options.isRoundingSafe
    omitted = options.omitted
    isDense = options.isDense
    self.isGrowing = isGrowing
    arithmetic = GatherArithmetic(precision)
    rowOfNeuron = [Int32](repeating: -1, count: units.neuronCount)
    chargeOfNeuron = [Double](repeating: 0, count: units.neuronCount)
    magnitudeOfNeuron = chargeOfNeuron
  }

  /// Omega = 2^8 eta (Kmax + 4) sum over nodes of (n + sum m), rounded up (soundness.md 1.2).
  var floor: Double {
    if omitted.contains(.floor) { return 0 }
    return arithmetic.least * 256 * Double(longest + 4) * nodesAndMagnitudes * (1 + 0x1p-20)
  }

  /// The charge for private sums, zero if no error is asked for.
  var relative: Double {
    if !isRoundingSafe { return 0 }
    return omitted.isSuperset(of: [.intercept, .concretise]) ? 0x1p-120 : arithmetic.relative
  }

  /// The row of each input, once the inputs are planned.
  var inputRowOfInput: [Int32] { units.units[0].outputs.map { rowOfNeuron[$0] } }

  /// The units as the inner loops read them.
  func withUnits<Result>(_ body: (UnsafePointer<cgather_unit>) -> Result) -> Result {
    blocks.map(\.unit).withUnsafeBufferPointer { body($0.baseAddress!) }
  }

  /// Plans the next unit with the bounds of a region, and lists it among the consumers of the units it reads.
  func append(_ region: GatherRegion) {
    let index = blocks.count
    let unit = units.units[index]
    let alive = unit.outputs.filter { unit.kind != .relu || region.upper[$0] > 0 }
    let members = GatherOrder.blocks(of: alive, unit, units)
    let storage = GatherBlocks(
      members, isInput: unit.kind == .input, isWide: arithmetic.isWide, sharesLists: isDense)
    storage.unit.first_row = Int32(unit.kind == .input ? 0 : rowCount)
    storage.unit.first_block = Int32(blockCount)
    let offset = unit.kind == .input ? 0 : inputRows + rowCount
    for (place, neuron) in members.enumerated() where neuron >= 0 { rowOfNeuron[Int(neuron)] = Int32(offset + place) }
    if unit.kind == .input { inputRows = members.count } else { rowCount += members.count }
    blockCount += members.count / 8
    let fanOut = charge(unit, alive, region)
    longest = max(longest, fanOut)
    if unit.kind == .input {
      storage.setBox(region, arithmetic)
    } else {
      setLines(storage, unit, region)
      storage.buildForward(unit, rowOfNeuron, rows: inputRows + rowCount, inputRows: inputRows)
    }
    blocks.append(storage)
    if isGrowing { for source in unit.sources { listConsumers(of: source) } }
  }

  /// Builds the list of consumers of a unit from what is planned.
  func listConsumers(of index: Int) {
    blocks[index].buildBackward(units, rowOfNeuron, rows: inputRows + rowCount, inputRows: inputRows)
  }

  /// Charges fan-outs anew, now that it is known which consumers are dropped.
  func finish() {
    longest = GatherArithmetic.privateLength
    for (index, storage) in blocks.enumerated() {
      let unit = units.units[index]
      for neuron in unit.outputs {
        var fanOut = 1
        for entry in units.consumerStarts[neuron]..<units.consumerStarts[neuron + 1] {
          if rowOfNeuron[Int(units.consumers[Int(entry)])] >= 0 { fanOut += 1 }
        }
        longest = max(longest, fanOut)
        chargeOfNeuron[neuron] =
          omitted.contains(.affine) ? 0 : arithmetic.gamma(fanOut) * magnitudeOfNeuron[neuron]
      }
      guard unit.kind != .input else { continue }
      storage.withMembers { row, neuron in
        guard neuron >= 0 else { return }
        let local = neuron - unit.outputs.lowerBound
        storage.setBias(row, arithmetic.nearest(unit.map.bias[local]), charge(ofRow: local, unit))
      }
    }
  }

  /// The slope of the lower line that each place starts with: 1 where u > -l, else 0.
  func defaultSlopes(_ region: GatherRegion) -> [Float] {
    slotNeurons.map { region.upper[$0] > -region.lower[$0] ? 1 : 0 }
  }

  /// Stores what a unit of coefficient costs at the neurons of a unit; the largest fan-out.
  private func charge(_ unit: GatherUnit, _ alive: [Int], _ region: GatherRegion) -> Int {
    var largest = 0
    let kinds = units.consumerStarts
    for neuron in unit.outputs {
      let magnitude = region.magnitude(neuron)
      nodesAndMagnitudes += 1 + magnitude
      magnitudeOfNeuron[neuron] = magnitude
      // One more for the coefficient that a row starts with.
      let fanOut = Int(kinds[neuron + 1] - kinds[neuron]) + 1
      largest = max(largest, fanOut)
      chargeOfNeuron[neuron] = omitted.contains(.affine) ? 0 : arithmetic.gamma(fanOut) * magnitude
    }
    if unit.kind == .relu {
      for operand in unit.operands where unit.operands != unit.outputs {
        nodesAndMagnitudes += 1 + region.magnitude(operand)
      }
    }
    return largest
  }

  /// Lines, biases and charges of a unit's rows, and the masks of its blocks.
  private func setLines(_ storage: GatherBlocks, _ unit: GatherUnit, _ region: GatherRegion) {
    storage.withMembers { row, neuron in
      let block = row / 8
      if row % 8 == 0 { storage.firstSlot[block] = Int32(slotCount) }
      guard neuron >= 0 else { return }
      let local = neuron - unit.outputs.lowerBound
      let operand = unit.operands.lowerBound + local
      let bias = unit.map.bias[local]
      storage.setBias(row, arithmetic.nearest(bias), charge(ofRow: local, unit))
      guard unit.kind == .relu else {
        storage.passing[block] |= 1 << UInt8(row % 8)
        return
      }
      let low = arithmetic.down(region.lower[operand])
      let high = arithmetic.up(region.upper[operand])
      guard low < 0 else {
        storage.passing[block] |= 1 << UInt8(row % 8)
        return
      }
      storage.unstable[block] |= 1 << UInt8(row % 8)
      let slope = arithmetic.nearest(min(max(high / (high - low), 0), 1))
      storage.setLine(row, low, high, slope, arithmetic.nearest(-low * slope))
      slotNeurons.append(operand)
      slotCount += 1
    }
  }

  /// v' of soundness.md 1.2: what a unit of the coefficient of operand `row` costs for all roundings of its map.
  private func charge(ofRow row: Int, _ unit: GatherUnit) -> Double {
    let bias = unit.map.bias[row]
    var sum = entriesCharge(unit, row)
    let size = arithmetic.magnitude(bias)
    if !omitted.contains(.bias) { sum += arithmetic.gamma(GatherArithmetic.privateLength + 1) * size }
    sum += abs(bias - arithmetic.nearest(bias)) + (unit.map.biasError?[row] ?? 0)
    if semantics != .real, !omitted.contains(.forward) { sum += forwardCharge(unit, row) }
    return arithmetic.up(sum * (1 + 0x1p-10))
  }

  /// gamma(K) V for one row of a map, coefficients that the arithmetic cannot hold included.
  private func entriesCharge(_ unit: GatherUnit, _ row: Int) -> Double {
    var sum = 0.0
    let rows = unit.map.rows
    let rounding = Double(unit.map.coefficientRoundings) * 0x1p-52
    for entry in rows.starts[row]..<rows.starts[row + 1] {
      let weight = rows.values[entry]
      let neuron = Int(rows.columns[entry])
      let size = arithmetic.magnitude(weight)
      sum += size * chargeOfNeuron[neuron]
      let moved = abs(weight - arithmetic.nearest(weight)) * (1 + 0x1p-10) + rounding * size
      if moved != 0 { sum += moved * magnitudeOfNeuron[neuron] }
    }
    return sum
  }

  /// What a binary32 evaluation of the map may add (soundness.md 1.8).
  private func forwardCharge(_ unit: GatherUnit, _ row: Int) -> Double {
    let single = GatherArithmetic(.binary32)
    let rows = unit.map.rows
    let entries = rows.starts[row]..<rows.starts[row + 1]
    var magnitude = single.magnitude(unit.map.bias[row])
    for entry in entries {
      magnitude += single.magnitude(rows.values[entry]) * magnitudeOfNeuron[Int(rows.columns[entry])]
    }
    let fanIn = entries.count + 2 + unit.map.float32ExtraRoundings
    return single.gamma(fanIn) * magnitude + 0x1p-124 * Double(fanIn)
  }
}

extension GatherPlan {
  /// A row's start: coefficients at neurons, the constant and the error they come with.
  struct Start: Sendable {
    var neurons: [Int32]
    var coefficients: [Double]
    var constant: Double
    var error: Double
  }

  /// The start of a row of a case (soundness.md 1.4, "start").
  func start(_ row: VerificationCase.Row) -> Start {
    var error = 0.0
    for (neuron, coefficient) in zip(row.neurons, row.coefficients) {
      let size = arithmetic.magnitude(coefficient)
      error += size * chargeOfNeuron[neuron]
      let moved = abs(coefficient - arithmetic.nearest(coefficient)) + row.coefficientError * size
      error += moved * magnitudeOfNeuron[neuron]
    }
    return Start(
      neurons: row.neurons.map(Int32.init), coefficients: row.coefficients, constant: row.constant,
      error: error * (1 + 0x1p-10))
  }

  /// The start of the row z or -z for an operand of the next unit.
  func start(operand row: Int, of unit: GatherUnit, isNegative: Bool) -> Start {
    let sign = isNegative ? -1.0 : 1.0
    let entries = unit.map.rows.starts[row]..<unit.map.rows.starts[row + 1]
    var error = entriesCharge(unit, row) + (unit.map.biasError?[row] ?? 0)
    if semantics != .real, !omitted.contains(.forward) { error += forwardCharge(unit, row) }
    return Start(
      neurons: Array(unit.map.rows.columns[entries]), coefficients: unit.map.rows.values[entries].map { sign * $0 },
      constant: sign * unit.map.bias[row], error: error * (1 + 0x1p-10))
  }
}

extension GatherPlan {
  /// The place of each slot's operand.
  var placeOfNeuron: [Int: Int] {
    Dictionary(uniqueKeysWithValues: slotNeurons.enumerated().map { ($0.element, $0.offset) })
  }

  /// The block and the bit there of each place.
  var placeMembers: [(block: Int, bit: Int)] {
    blocks.flatMap { storage in
      (0..<Int(storage.unit.blocks)).flatMap { block in
        (0..<8).filter { storage.unstable[block] >> UInt8($0) & 1 != 0 }
          .map { (block: Int(storage.unit.first_block) + block, bit: $0) }
      }
    }
  }

  /// Where splits are marked in a state; those of operands that are not slots of this plan are left out.
  func marks(of splits: [NeuronSplit]) -> [(place: Int, block: Int, bit: Int, isActive: Bool)] {
    let (places, members) = (placeOfNeuron, placeMembers)
    return splits.compactMap { split in
      places[split.neuron].map { ($0, members[$0].block, members[$0].bit, split.isActive) }
    }
  }
}
