// Bounds of intermediate neurons on the points of a part where a row phi is at most 0 (output constraints in
// intermediate bounds: Kotha, Brix, Kolter, Dvijotham, Zhang 2023, INVPROP).
//
// There z >= z + w phi for every w >= 0, and a backward pass of the sum bounds it from below. Slopes, split multipliers
// and w ascend together; df/dw is phi at the point that the pass minimises at. All bounds of one call rest on the lines of
// before it. Slopes and w are only hints: the bound that counts comes from a last pass with them as a proof stores them,
// less the whole error (soundness.md 1.5) and rounded down; an upper bound is the negative of the bound of -z.

import BranchAndBound
import Networks

extension GatherBounder {
  public func constrained(
    by row: Int, splits: [NeuronSplit], options wanted: ConstrainedBounds
  ) async throws -> ConstrainedBounder? {
    // A binary32 evaluation that violates the row need not do so in real arithmetic.
    guard options.semantics == .real, ball == nil else { return nil }
    let pass = ConstrainedPass(self, verificationCase.rows[row], row, splits, wanted)
    if pass.sides.isEmpty { return nil }
    let found = await pass.run()
    // What is left to do takes as long as a plan of the whole network.
    if ContinuousClock.now >= wanted.deadline { return nil }
    var region = region
    var weights = wanted.weights
    var bounds: [ProofTree.NeuronBound] = []
    var gain = 0.0
    for unit in units.units where unit.kind == .relu {
      var low = unit.operands.map { region.lower[$0] }
      var high = unit.operands.map { region.upper[$0] }
      var (before, after) = (0.0, 0.0)
      for neuron in unit.operands {
        guard let places = pass.places[neuron] else { continue }
        let local = neuron - unit.operands.lowerBound
        before += high[local] - low[local]
        for place in places {
          guard let result = found[place] else { continue }
          let side = pass.sides[place]
          weights[side] = result.weight
          let isTighter = side.isLower ? result.bound > low[local] : -result.bound < high[local]
          guard result.bound.isFinite, isTighter else { continue }
          if side.isLower { low[local] = result.bound } else { high[local] = -result.bound }
          bounds.append(.init(neuron: neuron, isLower: side.isLower, terms: result.terms))
        }
        after += max(high[local] - low[local], 0)
      }
      if before > 0 { gain = max(gain, 1 - after / before) }
      region.tighten(unit, lower: low, upper: high)
      if unit.operands.contains(where: { region.lower[$0] > region.upper[$0] }) {
        return ConstrainedBounder(result: .empty, bounds: bounds, weights: weights, gain: 1)
      }
    }
    let part = GatherBounder(self, region, threads: wanted.threads)
    return ConstrainedBounder(result: .part(part), bounds: bounds, weights: weights, gain: gain)
  }
}

/// One bound for each side of each undecided neuron.
private struct ConstrainedPass: Sendable {
  struct Result: Sendable {
    var bound: Double
    var weight: Float
    var terms: ProofTree.Refutation
  }

  /// Both sides of the undecided neurons, unit after unit, and where each neuron's are.
  private(set) var sides: [NeuronSide] = []
  private(set) var places: [Int: [Int]] = [:]

  private let bounder: GatherBounder
  private let row: VerificationCase.Row
  private let rowNumber: Int
  private let splits: [NeuronSplit]
  private let wanted: ConstrainedBounds
  private let plan: GatherPlan
  private let region: GatherRegion
  /// For each neuron with sides its unit.
  private var unitOfNeuron: [Int: Int] = [:]
  /// How large a weight is that matters: the width of a neuron's bounds against that of the row.
  private var scales: [Double] = []
  /// For each unit the slopes that its rows start with, by place.
  private var slopesOfUnit: [Int: [Float]] = [:]

  init(
    _ bounder: GatherBounder, _ row: VerificationCase.Row, _ number: Int, _ splits: [NeuronSplit],
    _ wanted: ConstrainedBounds
  ) {
    self.bounder = bounder
    self.row = row
    rowNumber = number
    self.splits = splits
    self.wanted = wanted
    plan = bounder.engine.plan
    region = bounder.region
    let isSplit = Set(splits.map(\.neuron))
    let rowNeurons = Set(row.neurons)
    let units = bounder.units.units
    let defaults = plan.defaultSlopes(region)
    let slotOfNeuron = Dictionary(uniqueKeysWithValues: bounder.slots.enumerated().map { ($0.element, $0.offset) })
    let best = plan.slotNeurons.indices.map { place in
      wanted.slopes.isEmpty ? defaults[place] : wanted.slopes[slotOfNeuron[plan.slotNeurons[place]]!]
    }
    let unitOfPlace = plan.slotNeurons.map { neuron in
      units.firstIndex { $0.kind == .relu && $0.operands.contains(neuron) }!
    }
    // The row's width, from the bounds of its neurons.
    let width = zip(row.neurons, row.coefficients).reduce(1e-6) { sum, term in
      sum + abs(term.1) * (region.upper[term.0] - region.lower[term.0])
    }
    for (index, unit) in units.enumerated() where unit.kind == .relu {
      // A row that reads what the neuron reads would start twice at one place.
      if unit.sources.contains(where: { units[$0].outputs.contains(where: rowNeurons.contains) }) { continue }
      let undecided = unit.operands.filter {
        region.lower[$0] < 0 && region.upper[$0] > 0 && !isSplit.contains($0)
      }
      if undecided.isEmpty { continue }
      slopesOfUnit[index] = best.indices.map { unitOfPlace[$0] < index ? defaults[$0] : best[$0] }
      for neuron in undecided {
        unitOfNeuron[neuron] = index
        for isLower in [true, false] {
          places[neuron, default: []].append(sides.count)
          sides.append(NeuronSide(neuron: neuron, isLower: isLower))
          scales.append((region.upper[neuron] - region.lower[neuron]) / width)
        }
      }
    }
  }

  /// What is known of each side; nil where the time ended first.
  func run() async -> [Result?] {
    let level = bounder.options.level
    let size = GatherState(plan, level: level).items
    let groups = (sides.count + size - 1) / size
    let results = GatherResults<[Result?]>(groups)
    await GatherWorkers.run(groups, threads: wanted.threads) {
      GatherState(plan, level: level)
    } job: { group, state in
      if ContinuousClock.now >= wanted.deadline { return }
      results.set(group, bound(group * size..<min((group + 1) * size, sides.count), state))
    }
    return results.elements.enumerated().flatMap { group, found in
      found ?? [Result?](repeating: nil, count: min(size, sides.count - group * size))
    }
  }

  /// w times the row, charged with the roundings of its coefficients.
  private func start(weight: Float) -> GatherPlan.Start {
    var scaled = row
    scaled.coefficients = row.coefficients.map { Double(weight) * $0 }
    scaled.constant = Double(weight) * row.constant
    scaled.coefficientError = row.coefficientError + 0x1p-51
    return plan.start(scaled)
  }

  private func sum(_ a: GatherPlan.Start, _ b: GatherPlan.Start) -> GatherPlan.Start {
    // The constants' own roundings and that of their sum.
    let rounding = 0x1p-50 * (abs(a.constant) + abs(b.constant))
    return GatherPlan.Start(
      neurons: [], coefficients: [], constant: a.constant + b.constant, error: (a.error + b.error + rounding).nextUp)
  }

  private func bound(_ lanes: Range<Int>, _ state: GatherState) -> [Result?] {
    let count = lanes.count
    let identity = plan.slotNeurons.indices.map(Int32.init)
    let ascent = GatherAscent(plan: plan, deadline: wanted.deadline, rates: bounder.options.intermediateRates)
    let marks = splits.isEmpty ? [] : plan.marks(of: splits)
    let parts = SlotParts(plan, region, plan.defaultSlopes(region))
    state.clearItems()
    state.setSlopes(
      lanes.map { slopesOfUnit[unitOfNeuron[sides[$0].neuron]!]! }, defaults: plan.defaultSlopes(region),
      places: identity)
    var weights = lanes.map { side in wanted.weights[sides[side]] ?? Float(0.02 * scales[side]) }
    let own = lanes.enumerated().map { lane, side in
      let unit = bounder.units.units[unitOfNeuron[sides[side].neuron]!]
      let start = plan.start(
        operand: sides[side].neuron - unit.operands.lowerBound, of: unit, isNegative: !sides[side].isLower)
      for mark in marks {
        state.setSplit(
          lane, place: mark.place, block: mark.block, bit: mark.bit, isActive: mark.isActive, multiplier: 0)
      }
      state.setStart(lane, start)
      return start
    }
    let rowPlaces = row.neurons.map { Int(plan.rowOfNeuron[$0]) }
    var best = [Double](repeating: -.infinity, count: count)
    var bestWeights = weights
    var isBest = [Bool](repeating: false, count: state.items)
    var (first, second) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
    let rates = bounder.options.intermediateRates
    var decay = 1.0
    let steps = wanted.iterations
    for step in 0...steps {
      let starts = weights.enumerated().map { lane, weight in
        let start = start(weight: weight)
        state.setStart(lane, start)
        return sum(own[lane], start)
      }
      state.backward()
      for lane in 0..<count {
        let now = ascent.outcome(starts[lane], state.sums(lane)).bound
        isBest[lane] = now > best[lane]
        if isBest[lane] {
          best[lane] = now
          bestWeights[lane] = weights[lane]
        }
      }
      if step == steps || ContinuousClock.now >= wanted.deadline { break }
      state.forward(step: step, of: steps, rates, isImproved: isBest)
      decay *= rates.decay(steps: steps)
      for lane in 0..<count {
        // df/dw = phi where the pass takes its minimum.
        var phi = row.constant
        for (place, coefficient) in zip(rowPlaces, row.coefficients) where place >= plan.inputRows {
          phi += coefficient * state.value(lane, row: place)
        }
        guard phi.isFinite else { continue }
        first[lane] = 0.9 * first[lane] + 0.1 * phi
        second[lane] = 0.999 * second[lane] + 0.001 * phi * phi
        let rate = 0.1 * scales[lanes.lowerBound + lane] * decay
        let move =
          (first[lane] / (1 - pow(0.9, step + 1))) / ((second[lane] / (1 - pow(0.999, step + 1))).squareRoot() + 1e-8)
        weights[lane] = max(0, weights[lane] + Float(rate * move))
      }
    }
    state.restoreBest(except: isBest)
    weights = bestWeights
    // What a proof stores decides.
    let starts = weights.enumerated().map { lane, weight in
      parts.round(state, lane, except: marks.map(\.place))
      let start = start(weight: weight)
      state.setStart(lane, start)
      return sum(own[lane], start)
    }
    state.backward()
    let isSplit = Set(splits.map(\.neuron))
    return (0..<count).map { lane in
      let bound = ascent.outcome(starts[lane], state.sums(lane)).bound
      var multipliers = [Float](repeating: 0, count: splits.count)
      for (index, split) in splits.enumerated() {
        if let mark = marks.first(where: { plan.slotNeurons[$0.place] == split.neuron }) {
          multipliers[index] = Float(state.parameter(lane, mark.place))
        }
      }
      let terms = ProofTree.Refutation(
        rows: [(row: rowNumber, weight: weights[lane])],
        slopes: parts.slopes(state, lane).filter { !isSplit.contains(Int($0.neuron)) }, splitMultipliers: multipliers)
      return Result(bound: bound, weight: weights[lane], terms: terms)
    }
  }

  private func pow(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { result, _ in result * base }
  }
}
