// The definition of a round: box after box, neuron after neuron.

import Compute

extension InputSearchRound {
  package func reference(_ memory: HostMemory) {
    let order = Array(memory.elements(order, as: Int32.self)).map { Int($0) }
    let parity = order[Order.parity.rawValue] & 1
    let halves = order[Order.halves.rawValue]
    let words = shape.words
    let from = memory.elements(frontier, as: UInt32.self).baseAddress! + parity * capacity * words
    let boxes = order[Order.entries.rawValue] * halves
    let bounder = BoxBounder(
      shape: shape, weights: memory.elements(weights, as: Double.self).baseAddress!,
      first: memory.elements(first, as: Double.self).baseAddress!,
      biases: memory.elements(biases, as: Double.self).baseAddress!,
      omega: memory.elements(omega, as: Double.self)[0], isSafe: isSafe)
    for id in 0..<boxes {
      let entry = from + (order[Order.firstEntry.rawValue] + id / halves) * words
      bound(id, entry: entry, half: halves == 2 ? id & 1 : nil, order, bounder, memory)
    }
  }

  private func count(_ counter: Counter, _ memory: HostMemory) -> Int {
    let counters = memory.elements(counters, as: Int32.self)
    counters[counter.rawValue] += 1
    return Int(counters[counter.rawValue]) - 1
  }

  private func bound(
    _ id: Int, entry: UnsafePointer<UInt32>, half: Int?, _ order: [Int], _ bounder: BoxBounder, _ memory: HostMemory
  ) {
    let inputs = shape.inputs
    var box = (0..<2 * inputs).map {
      Double(bitPattern: UInt64(entry[2 * $0]) | UInt64(entry[2 * $0 + 1]) << 32)
    }
    let axis = Int(Int32(bitPattern: entry[4 * inputs]))
    _ = count(.popped, memory)
    let seal = UInt32(truncatingIfNeeded: order[Order.seal.rawValue])
    if entry[4 * inputs + 2] != seal || axis >= inputs || half != nil && axis < 0 { _ = count(.unsealed, memory) }
    if let half, (0..<inputs).contains(axis) {
      let middle = 0.5 * box[axis] + 0.5 * box[inputs + axis]
      if half == 1 { box[axis] = middle } else { box[inputs + axis] = middle }
    }
    let neurons = boundNeurons(entry, box, bounder)
    let rowCount = order[Order.rows.rawValue]
    let rows = boundRows(rowCount, neurons, box, bounder, memory)
    if order[Order.boundsOnly.rawValue] != 0 {
      let target = memory.elements(bounds, as: Double.self)
      for r in 0..<rowCount { target[id * shape.rows + r] = rows[r].bound }
      _ = count(.proven, memory)
      return
    }
    let clauses = Array(memory.elements(clauses, as: Int32.self))
    let clauseCount = order[Order.clauses.rawValue]
    var isProven = [Bool](repeating: false, count: clauseCount)
    var best = [Int?](repeating: nil, count: clauseCount)
    for r in 0..<rowCount {
      let bound = rows[r].bound
      let clause = Int(clauses[2 * r])
      if bound.isFinite && (bound > 0 || clauses[2 * r + 1] != 0 && bound >= 0) { isProven[clause] = true }
      if best[clause].map({ bound > rows[$0].bound }) ?? true { best[clause] = r }
    }
    var least = Double.infinity
    var guide = 0
    for clause in 0..<clauseCount where !isProven[clause] {
      guard let row = best[clause], !(rows[row].bound >= least) else { continue }
      (least, guide) = (rows[row].bound, row)
    }
    let clipped = clip(box, rows, clauses, isProven, rowCount)
    if !isProven.contains(false) || (0..<inputs).contains(where: { clipped[$0] > clipped[inputs + $0] }) {
      _ = count(.proven, memory)
      return
    }
    push(
      Open(box: clipped, guide: rows[guide].coefficients, least: Float(least), neurons: neurons), entry: entry, order,
      clauses, memory)
  }

  /// Bounds the neurons that were unstable where the entry was pushed.
  private func boundNeurons(
    _ entry: UnsafePointer<UInt32>, _ box: [Double], _ bounder: BoxBounder
  ) -> BoxBounder.Neurons {
    var neurons = BoxBounder.Neurons(shape)
    for t in 0..<shape.layers {
      let masks = entry + shape.masks + 4 * t
      for j in 0..<shape.width {
        if masks[j >> 5] >> UInt32(j & 31) & 1 == 1 {
          let (l, u) = bounder.bounds(ofNeuron: j, layer: t, neurons, box)
          neurons.set(t * shape.pad + j, lower: l, upper: u)
        } else if masks[2 + (j >> 5)] >> UInt32(j & 31) & 1 == 1 {
          neurons.set(t * shape.pad + j, lower: 1, upper: 1)
        }
      }
    }
    return neurons
  }

  private func boundRows(
    _ count: Int, _ neurons: BoxBounder.Neurons, _ box: [Double], _ bounder: BoxBounder, _ memory: HostMemory
  ) -> [(bound: Double, coefficients: [Double])] {
    let coefficients = memory.elements(rows, as: Double.self)
    let constants = memory.elements(constants, as: Double.self)
    return (0..<count).map { r in
      let row = BoxBounder.Row(
        coefficients: Array(coefficients[r * 64..<r * 64 + shape.pad]), constant: constants[2 * r],
        error: constants[2 * r + 1])
      return bounder.bound(row, layer: shape.layers - 1, neurons, box)
    }
  }

  /// The hull of where the clauses that are not refuted may hold: each of a clause's rows cuts a half-space.
  private func clip(
    _ box: [Double], _ rows: [(bound: Double, coefficients: [Double])], _ clauses: [Int32], _ isProven: [Bool],
    _ rowCount: Int
  ) -> [Double] {
    let inputs = shape.inputs
    var result = box
    for d in 0..<inputs {
      var least = Double.infinity
      var most = -Double.infinity
      for clause in isProven.indices where !isProven[clause] {
        var low = box[d]
        var high = box[inputs + d]
        for r in 0..<rowCount where Int(clauses[2 * r]) == clause {
          let a = rows[r].coefficients[d]
          let reach = -rows[r].bound / a.magnitude * (1 + 1e-12) + 1e-290
          let end = a > 0 ? box[d] + reach : box[inputs + d] - reach
          guard rows[r].bound.isFinite, end.isFinite, a != 0 else { continue }
          if a > 0 { high = min(high, end + end.magnitude * 1e-15) }
          if a < 0 { low = max(low, end - end.magnitude * 1e-15) }
        }
        least = min(least, low)
        most = max(most, high)
      }
      result[d] = max(box[d], least)
      result[inputs + d] = min(box[inputs + d], most)
    }
    return result
  }

  private struct Open {
    var box: [Double]
    var guide: [Double]
    var least: Float
    var neurons: BoxBounder.Neurons
  }

  /// Tries the minimiser of the guiding row, chooses an axis and pushes the entry of both halves.
  private func push(
    _ open: Open, entry: UnsafePointer<UInt32>, _ order: [Int], _ clauses: [Int32], _ memory: HostMemory
  ) {
    let inputs = shape.inputs
    let x = (0..<inputs).map { open.guide[$0] >= 0 ? open.box[$0] : open.box[inputs + $0] }
    if isCandidate(x, order, clauses, memory) {
      let place = count(.found, memory)
      let target = memory.elements(found, as: Double.self)
      if place < Self.candidates { for d in 0..<inputs { target[place * inputs + d] = x[d] } }
    }
    let counters = memory.elements(counters, as: Int32.self)
    counters[Counter.least.rawValue] = min(counters[Counter.least.rawValue], Self.orderedBits(open.least))
    let greatest = open.guide.reduce(1e-280) { max($0, $1.magnitude) }
    var axis: Int?
    var score = 0.0
    for d in 0..<inputs {
      let (low, high) = (open.box[d], open.box[inputs + d])
      let middle = 0.5 * low + 0.5 * high
      let gain = max(open.guide[d].magnitude, 0.2 * greatest) * (high - low)
      if gain > score && middle > low && middle < high { (score, axis) = (gain, d) }
    }
    guard let axis else {
      _ = count(.stuck, memory)
      return
    }
    _ = count(.split, memory)
    let slot = count(.pushed, memory)
    guard slot < capacity else {
      _ = count(.overflown, memory)
      return
    }
    let half = 1 - order[Order.parity.rawValue] & 1
    let target = memory.elements(frontier, as: UInt32.self).baseAddress! + (half * capacity + slot) * shape.words
    for (index, x) in open.box.enumerated() {
      target[2 * index] = UInt32(truncatingIfNeeded: x.bitPattern)
      target[2 * index + 1] = UInt32(truncatingIfNeeded: x.bitPattern >> 32)
    }
    target[4 * inputs] = UInt32(axis)
    target[4 * inputs + 1] = entry[4 * inputs + 1] &+ 1
    target[4 * inputs + 2] = UInt32(truncatingIfNeeded: order[Order.seal.rawValue]) &+ 1
    for t in 0..<shape.layers {
      for word in 0..<4 { target[shape.masks + 4 * t + word] = 0 }
      for j in 0..<shape.width {
        switch open.neurons.states[t * shape.pad + j] {
        case .unstable: target[shape.masks + 4 * t + (j >> 5)] |= 1 << UInt32(j & 31)
        case .active: target[shape.masks + 4 * t + 2 + (j >> 5)] |= 1 << UInt32(j & 31)
        case .inactive: break
        }
      }
    }
  }

  /// Whether a plain forward pass leaves a clause whose rows are all violated.
  private func isCandidate(_ x: [Double], _ order: [Int], _ clauses: [Int32], _ memory: HostMemory) -> Bool {
    let biases = memory.elements(biases, as: Double.self)
    let weights = memory.elements(weights, as: Double.self)
    let first = memory.elements(first, as: Double.self)
    var h = x
    for t in 0..<shape.layers {
      h = (0..<shape.width).map { j in
        var z = biases[2 * (t * shape.pad + j)]
        let start = t == 0 ? j * shape.inputs : ((t - 1) * shape.width + j) * shape.pad
        for k in h.indices { z = z.addingProduct(t == 0 ? first[start + k] : weights[start + k], h[k]) }
        return max(z, 0)
      }
    }
    let rows = memory.elements(rows, as: Double.self)
    let constants = memory.elements(constants, as: Double.self)
    var misses = Set<Int32>()
    for r in 0..<order[Order.rows.rawValue] {
      var z = constants[2 * r]
      for k in 0..<shape.width { z = z.addingProduct(rows[r * 64 + k], h[k]) }
      if !(z <= 0) { misses.insert(clauses[2 * r]) }
    }
    return misses.count < order[Order.clauses.rawValue]
  }
}
