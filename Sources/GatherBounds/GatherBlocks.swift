// The storage of one unit's blocks: masks, lines, lists and panels in memory that the inner loops read directly.

import CGatherBounds

/// One unit as blocks of eight neurons.
///
/// Filled while the plan grows, read by any number of threads afterwards.
final class GatherBlocks: @unchecked Sendable {
  var unit = cgather_unit()
  /// The output neuron of each row; -1 where a block is padded.
  let members: [Int32]
  let unstable: UnsafeMutablePointer<UInt8>
  let passing: UnsafeMutablePointer<UInt8>
  let firstSlot: UnsafeMutablePointer<Int32>
  private let isWide: Bool
  /// Every block lists the partners of all blocks.
  private let sharesLists: Bool
  private let lines: UnsafeMutableRawPointer
  private let bias: UnsafeMutableRawPointer
  private let box: UnsafeMutableRawPointer
  private var backward: Lists?
  private var forward: Lists?

  init(_ members: [Int32], isInput: Bool, isWide: Bool, sharesLists: Bool) {
    self.members = members
    self.isWide = isWide
    self.sharesLists = sharesLists
    let blocks = members.count / 8
    func memory(_ bytes: Int) -> UnsafeMutableRawPointer {
      let made = UnsafeMutableRawPointer.allocate(byteCount: max(bytes, 64), alignment: 64)
      made.initializeMemory(as: UInt8.self, repeating: 0, count: max(bytes, 64))
      return made
    }
    let size = isWide ? 8 : 4
    unstable = memory(blocks).assumingMemoryBound(to: UInt8.self)
    passing = memory(blocks).assumingMemoryBound(to: UInt8.self)
    firstSlot = memory(4 * blocks).bindMemory(to: Int32.self, capacity: max(blocks, 16))
    lines = memory(isInput ? 0 : 4 * size * members.count)
    bias = memory(isInput ? 0 : 2 * size * members.count)
    box = memory(isInput ? 2 * size * members.count : 0)
    unit.blocks = Int32(blocks)
    unit.is_input = isInput ? 1 : 0
    unit.unstable = UnsafePointer(unstable)
    unit.passing = UnsafePointer(passing)
    unit.first_slot = UnsafePointer(firstSlot)
    unit.lines = UnsafeRawPointer(lines)
    unit.bias = UnsafeRawPointer(bias)
    unit.box = UnsafeRawPointer(box)
    setLists(Lists(blocks: blocks, entries: 0, size: size), isBackward: true)
    setLists(Lists(blocks: blocks, entries: 0, size: size), isBackward: false)
  }

  deinit {
    for memory in [lines, bias, box] { memory.deallocate() }
    unstable.deallocate()
    passing.deallocate()
    firstSlot.deallocate()
  }

  /// Sorted lists and panels of one direction.
  final class Lists {
    let starts: UnsafeMutablePointer<Int32>
    let middles: UnsafeMutablePointer<Int32>
    let index: UnsafeMutablePointer<Int32>
    let panel: UnsafeMutableRawPointer

    init(blocks: Int, entries: Int, size: Int) {
      starts = .allocate(capacity: blocks + 1)
      starts.initialize(repeating: 0, count: blocks + 1)
      middles = .allocate(capacity: blocks + 1)
      middles.initialize(repeating: 0, count: blocks + 1)
      index = .allocate(capacity: entries + 1)
      index.initialize(repeating: 0, count: entries + 1)
      panel = .allocate(byteCount: 8 * size * entries + 64, alignment: 64)
      panel.initializeMemory(as: UInt8.self, repeating: 0, count: 8 * size * entries + 64)
    }

    deinit {
      starts.deallocate()
      middles.deallocate()
      index.deallocate()
      panel.deallocate()
    }
  }

  private func setLists(_ lists: Lists, isBackward: Bool) {
    if isBackward {
      backward = lists
      unit.back_starts = UnsafePointer(lists.starts)
      unit.back_index = UnsafePointer(lists.index)
      unit.back_panel = UnsafeRawPointer(lists.panel)
    } else {
      forward = lists
      unit.fore_starts = UnsafePointer(lists.starts)
      unit.fore_middles = UnsafePointer(lists.middles)
      unit.fore_index = UnsafePointer(lists.index)
      unit.fore_panel = UnsafeRawPointer(lists.panel)
    }
  }

  /// Calls with the row within the unit and the output neuron, -1 for padding.
  func withMembers(_ body: (Int, Int) -> Void) {
    for (row, neuron) in members.enumerated() { body(row, Int(neuron)) }
  }

  private func set(_ memory: UnsafeMutableRawPointer, _ place: Int, _ value: Double) {
    if isWide {
      memory.storeBytes(of: value, toByteOffset: 8 * place, as: Double.self)
    } else {
      memory.storeBytes(of: Float(value), toByteOffset: 4 * place, as: Float.self)
    }
  }

  func setLine(_ row: Int, _ low: Double, _ high: Double, _ slope: Double, _ intercept: Double) {
    set(lines, 4 * row, low)
    set(lines, 4 * row + 1, high)
    set(lines, 4 * row + 2, slope)
    set(lines, 4 * row + 3, intercept)
  }

  func setBias(_ row: Int, _ value: Double, _ charge: Double) {
    set(bias, 2 * row, value)
    set(bias, 2 * row + 1, charge)
  }

  /// The ends of the inputs, rounded outward.
  func setBox(_ region: GatherRegion, _ arithmetic: GatherArithmetic) {
    withMembers { row, neuron in
      guard neuron >= 0 else { return }
      set(box, 2 * row, arithmetic.down(region.lower[neuron]))
      set(box, 2 * row + 1, arithmetic.up(region.upper[neuron]))
    }
  }

  /// The consumers of each block among the rows planned so far.
  func buildBackward(_ units: GatherUnits, _ rowOfNeuron: [Int32], rows: Int, inputRows: Int) {
    let lists = build(
      members, units.consumerStarts, units.consumers, units.consumerWeights, rowOfNeuron, rows)
    let count = Int(lists.starts[members.count / 8])
    for entry in 0..<count { lists.index[entry] -= Int32(inputRows) }
    setLists(lists, isBackward: true)
  }

  /// The sources of each block.
  func buildForward(_ unit: GatherUnit, _ rowOfNeuron: [Int32], rows: Int, inputRows: Int) {
    let first = Int32(unit.outputs.lowerBound)
    let starts = unit.map.rows.starts.map(Int64.init)
    let lists = build(
      members.map { $0 < 0 ? -1 : $0 - first }, starts, unit.map.rows.columns, unit.map.rows.values, rowOfNeuron, rows)
    for block in 0..<members.count / 8 {
      var entry = lists.starts[block]
      while entry < lists.starts[block + 1], lists.index[Int(entry)] < inputRows { entry += 1 }
      lists.middles[block] = entry
      while entry < lists.starts[block + 1] {
        lists.index[Int(entry)] -= Int32(inputRows)
        entry += 1
      }
    }
    setLists(lists, isBackward: false)
  }

  private func build(
    _ members: [Int32], _ starts: [Int64], _ partners: [Int32], _ weights: [Double], _ rowOfNeuron: [Int32], _ rows: Int
  ) -> Lists {
    let blocks = members.count / 8
    var bits = [UInt64](repeating: 0, count: rows / 64 + 2)
    var places = [Int32](repeating: 0, count: rows + 64)
    let counting = Lists(blocks: blocks, entries: 0, size: 4)
    let count = cgather_lists(
      Int32(blocks), members, starts, partners, weights, rowOfNeuron, Int32(rows), sharesLists ? 1 : 0, &bits, &places,
      counting.starts, nil, nil, isWide ? 1 : 0)
    let lists = Lists(blocks: blocks, entries: Int(count), size: isWide ? 8 : 4)
    cgather_lists(
      Int32(blocks), members, starts, partners, weights, rowOfNeuron, Int32(rows), sharesLists ? 1 : 0, &bits, &places,
      lists.starts, lists.index, lists.panel, isWide ? 1 : 0)
    return lists
  }
}
