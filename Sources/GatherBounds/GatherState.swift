// The working memory of one group of items, [row][item], and how items enter and leave it.

import CGatherBounds
import Glibc

/// State of one group on one plan; used by one thread at a time.
final class GatherState {
  let plan: GatherPlan
  let loops: cgather_loops
  /// Items of a group.
  let items: Int
  /// How many units are planned; the state serves these.
  private let unitCount: Int
  private let size: Int
  private var memory: [UnsafeMutableRawPointer] = []
  private var state = cgather_state()
  private let marked: UnsafeMutablePointer<UInt8>
  private let starts: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  private var startBuffers: [UnsafeMutableRawPointer?]
  private let improved: UnsafeMutablePointer<UInt8>
  private let constants: UnsafeMutablePointer<Double>
  private let errors: UnsafeMutablePointer<Double>
  private let magnitudes: UnsafeMutablePointer<Double>
  /// The coefficients of the inputs are wanted, for regions that are more than a box.
  private let keepsInputs: Bool

  init(_ plan: GatherPlan, level: Int32, keepsInputs: Bool = false) {
    self.plan = plan
    self.keepsInputs = keepsInputs
    loops = cgather_find(plan.arithmetic.isWide ? 1 : 0, level).pointee
    items = Int(loops.items)
    unitCount = plan.blocks.count
    size = plan.arithmetic.isWide ? 8 : 4
    startBuffers = [UnsafeMutableRawPointer?](repeating: nil, count: unitCount)
    starts = .allocate(capacity: unitCount)
    starts.initialize(repeating: nil, count: unitCount)
    improved = .allocate(capacity: items)
    improved.initialize(repeating: 0, count: items)
    constants = .allocate(capacity: items)
    errors = .allocate(capacity: items)
    magnitudes = .allocate(capacity: items)
    for sums in [constants, errors, magnitudes] { sums.initialize(repeating: 0, count: items) }
    marked = .allocate(capacity: plan.blockCount + 1)
    marked.initialize(repeating: 0, count: plan.blockCount + 1)
    state.y = reserve(plan.rowCount)
    state.coefficients = reserve(plan.slotCount)
    state.parameters = reserve(plan.slotCount)
    state.moments1 = reserve(plan.slotCount)
    state.moments2 = reserve(plan.slotCount)
    state.best = reserve(plan.slotCount)
    state.marks = reserve(plan.blockCount)
    state.marked = UnsafePointer(marked)
    let choices = UnsafeMutableRawPointer.allocate(byteCount: 2 * 3 * plan.inputRows + 64, alignment: 64)
    choices.initializeMemory(as: UInt8.self, repeating: 0, count: 2 * 3 * plan.inputRows + 64)
    memory.append(choices)
    state.choice = choices.assumingMemoryBound(to: UInt16.self)
    state.inputs = keepsInputs ? reserve(plan.inputRows) : nil
    state.starts = UnsafePointer(starts)
  }

  deinit {
    for bytes in memory { bytes.deallocate() }
    for bytes in startBuffers { bytes?.deallocate() }
    starts.deallocate()
    improved.deallocate()
    marked.deallocate()
    for sums in [constants, errors, magnitudes] { sums.deallocate() }
  }

  private func zeroed(_ rows: Int) -> UnsafeMutableRawPointer {
    let bytes = rows * items * size + 64
    let made = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    made.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    return made
  }

  private func reserve(_ rows: Int) -> UnsafeMutableRawPointer {
    let made = zeroed(rows)
    memory.append(made)
    return made
  }

  private func clear(_ buffer: UnsafeMutableRawPointer, _ rows: Int) { memset(buffer, 0, rows * items * size) }

  private func set(_ buffer: UnsafeMutableRawPointer, _ place: Int, _ value: Double) {
    if size == 8 {
      buffer.storeBytes(of: value, toByteOffset: 8 * place, as: Double.self)
    } else {
      buffer.storeBytes(of: Float(value), toByteOffset: 4 * place, as: Float.self)
    }
  }

  private func get(_ buffer: UnsafeMutableRawPointer, _ place: Int) -> Double {
    size == 8
      ? buffer.load(fromByteOffset: 8 * place, as: Double.self)
      : Double(buffer.load(fromByteOffset: 4 * place, as: Float.self))
  }

  // MARK: Entering

  /// Forgets the items of before: no starts, no marks, no moments.
  func clearItems(forAscent: Bool = true) {
    for unit in 0..<unitCount where starts[unit] != nil {
      clear(starts[unit]!, 8 * Int(plan.blocks[unit].unit.blocks))
      starts[unit] = nil
    }
    for block in 0..<plan.blockCount where marked[block] != 0 {
      marked[block] = 0
      memset(state.marks + block * items * size, 0, items * size)
    }
    guard forAscent else { return }
    clear(state.moments1, plan.slotCount)
    clear(state.moments2, plan.slotCount)
  }

  /// Lets the row of an item start; call once for each lane.
  func setStart(_ lane: Int, _ start: GatherPlan.Start) {
    for (neuron, coefficient) in zip(start.neurons, start.coefficients) {
      let row = Int(plan.rowOfNeuron[Int(neuron)])
      // A neuron that was dropped is 0 on the whole region.
      if row < 0 { continue }
      let unit = Int(plan.units.unitOfOutput[Int(neuron)])
      if starts[unit] == nil {
        let buffer = startBuffers[unit] ?? zeroed(8 * Int(plan.blocks[unit].unit.blocks))
        startBuffers[unit] = buffer
        starts[unit] = buffer
      }
      let local = unit == 0 ? row : row - plan.inputRows - Int(plan.blocks[unit].unit.first_row)
      set(starts[unit]!, local * items + lane, coefficient)
    }
  }

  /// Slopes of all slots by lane; nil or missing: the defaults.
  func setSlopes(_ slopes: [[Float]?], defaults: [Float], places: [Int32]) {
    // One array after the other, so that the addresses stay valid.
    var joined: [Float] = []
    let offsets = slopes.map { column -> Int? in
      guard let column else { return nil }
      precondition(column.count == places.count, "one slope for each slot")
      joined += column
      return joined.count - column.count
    }
    joined.withUnsafeBufferPointer { joined in
      var columns: [UnsafePointer<Float>?] = offsets.map { $0.map { joined.baseAddress! + $0 } }
      columns += [UnsafePointer<Float>?](repeating: nil, count: items - columns.count)
      cgather_put(
        state.parameters, loops.is_wide, loops.items, loops.items, Int64(places.count), places, columns, defaults)
    }
  }

  /// Default slopes, by place, for all lanes.
  func setDefaultSlopes(_ defaults: [Float]) {
    setSlopes([], defaults: defaults, places: defaults.indices.map(Int32.init))
  }

  /// Splits a slot of one lane at 0, with its multiplier.
  func setSplit(_ lane: Int, place: Int, block: Int, bit: Int, isActive: Bool, multiplier: Float) {
    marked[block] = 1
    let word = block * items + lane
    let mark: UInt64 = (isActive ? 1 : 2) << UInt64(2 * bit)
    if size == 8 {
      let old = state.marks.load(fromByteOffset: 8 * word, as: UInt64.self)
      state.marks.storeBytes(of: old | mark, toByteOffset: 8 * word, as: UInt64.self)
    } else {
      let old = state.marks.load(fromByteOffset: 4 * word, as: UInt32.self)
      state.marks.storeBytes(of: old | UInt32(mark), toByteOffset: 4 * word, as: UInt32.self)
    }
    set(state.parameters, place * items + lane, Double(max(multiplier, 0)))
  }

  // MARK: Running

  /// The sums of one lane after a backward pass.
  struct Sums {
    var constant: Double
    var error: Double
    var magnitude: Double
  }

  func backward() {
    plan.withUnits { units in
      loops.backward(
        units, Int32(unitCount), &state, plan.relative,
        cgather_sums(constant: constants, error: errors, magnitude: magnitudes))
    }
  }

  func sums(_ lane: Int) -> Sums {
    Sums(constant: constants[lane], error: errors[lane], magnitude: magnitudes[lane])
  }

  /// One ascent step; `isImproved` says for which lanes the parameters of now are the best so far.
  func forward(step: Int, of steps: Int, _ rates: AscentRates, isImproved: [Bool]) {
    for lane in 0..<items { improved[lane] = isImproved[lane] ? 1 : 0 }
    let decay = power(rates.decay(steps: steps), step)
    let adam = cgather_adam(
      slope_rate: rates.slope * decay, multiplier_rate: rates.multiplier * decay,
      correction1: 1 / (1 - power(0.9, step + 1)), correction2: 1 / (1 - power(0.999, step + 1)))
    plan.withUnits { units in loops.forward(units, Int32(unitCount), &state, improved, adam) }
  }

  private func power(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { result, _ in result * base }
  }

  /// Lets the parameters of the best bounds be the current ones, except where the current ones are the best.
  func restoreBest(except isBest: [Bool]) {
    for place in 0..<plan.slotCount {
      for lane in 0..<items where !isBest[lane] {
        let offset = (place * items + lane) * size
        (state.parameters + offset).copyMemory(from: state.best + offset, byteCount: size)
      }
    }
  }

  /// The coefficients of the inputs with these rows, for a state that keeps them.
  func inputs(_ lane: Int, rows: [Int32]) -> [Double] { rows.map { get(state.inputs, Int($0) * items + lane) } }

  /// The point from which a lane's forward pass starts.
  func setInputs(_ lane: Int, rows: [Int32], _ point: [Double]) {
    for (row, value) in zip(rows, point) { set(state.inputs, Int(row) * items + lane, value) }
  }

  // MARK: Leaving

  /// The value of a neuron that is no input at the point of a lane's forward pass, by its row.
  func value(_ lane: Int, row: Int) -> Double { get(state.y, (row - plan.inputRows) * items + lane) }

  func setParameter(_ lane: Int, _ place: Int, _ value: Double) { set(state.parameters, place * items + lane, value) }

  func parameter(_ lane: Int, _ place: Int) -> Double { get(state.parameters, place * items + lane) }

  /// The parameters of the first lanes, one lane after the other.
  func parameters(_ lanes: Int, _ places: [Int32]) -> [Float] { columns(state.parameters, lanes, places) }

  /// The coefficients that reached the unstable neurons of the first lanes, one lane after the other.
  func coefficients(_ lanes: Int, _ places: [Int32]) -> [Float] { columns(state.coefficients, lanes, places) }

  /// The first moments of Adam of the first lanes.
  func firstMoments(_ lanes: Int, _ places: [Int32]) -> [Float] { columns(state.moments1, lanes, places) }

  private func columns(_ rows: UnsafeMutableRawPointer, _ lanes: Int, _ places: [Int32]) -> [Float] {
    let count = lanes * places.count
    return [Float](unsafeUninitializedCapacity: count) { out, initialized in
      if count > 0 {
        cgather_take(
          rows, loops.is_wide, loops.items, Int32(lanes), Int64(places.count), places, out.baseAddress!)
      }
      initialized = count
    }
  }

  /// The corner of the box at which a lane's linear bound is least.
  func corner(_ lane: Int, rows: [Int32], _ lower: [Double], _ upper: [Double]) -> [Double] {
    [Double](unsafeUninitializedCapacity: rows.count) { out, initialized in
      cgather_corner(
        &state, Int32(lane), loops.items, loops.vectors, Int64(rows.count), rows, lower, upper, out.baseAddress!)
      initialized = rows.count
    }
  }
}
