// The C side's picture of a network with one case: stages, charges, rows, the region's entry.

import BranchAndBound
import CFusedBounds
import Networks

/// Which instructions the passes use.
package enum FusedLevel: Int32, Sendable, CaseIterable {
  case portable, avx2, avx512

  package static var best: FusedLevel { FusedLevel(rawValue: cfb_best_level()) ?? .portable }
  package static var available: [FusedLevel] { allCases.filter { $0.rawValue <= best.rawValue } }
}

/// Owns what `cfb_problem` points to. Immutable after `init`, so threads may share it.
final class FusedProblem: @unchecked Sendable {
  let plan: StagePlan
  let pointer: UnsafeMutablePointer<cfb_problem>
  let entryWords: Int
  /// The whole region, with what the root's bounds say about each ReLU.
  private(set) var rootEntry: [UInt64]
  /// False if some bound at the root is not finite; then nothing can be proven.
  private(set) var isFinite = true
  private var pieces: [UnsafeMutableRawPointer] = []

  static let largestSize = 40_000
  static let largestWeights = 4_000_000
  static let mostVaryingInputs = 64

  init(
    _ problem: SearchProblem, semantics: Semantics = .real, isRoundingSafe: Bool = true,
    level: FusedLevel = .best
  ) throws(FusedBoundsError) {
    let region = problem.verificationCase
    plan = try Self.checkFit(problem)
    pointer = .allocate(capacity: 1)
    pointer.initialize(to: cfb_problem())
    entryWords = 1 + 2 * plan.inputCount + 2 * plan.stages.reduce(0) { $0 + $1.words }
    rootEntry = []
    let isFloat32 = semantics != .real
    var magnitudes = Magnitudes(plan, lower: region.lower, upper: region.upper, isFloat32: isFloat32)
    build(problem.verificationCase, magnitudes, isRoundingSafe: isRoundingSafe)
    rootEntry = wholeRegion(region)
    // Bounds of the root with the charges of plain intervals, then charges from those bounds.
    if let bounds = try rootBounds(level) {
      magnitudes = Magnitudes(
        plan, lower: region.lower, upper: region.upper, isFloat32: isFloat32, knownLower: bounds.lower,
        knownUpper: bounds.upper)
      setCharges(region, magnitudes, isRoundingSafe: isRoundingSafe)
    } else {
      isFinite = false
    }
  }

  /// The stages of a network that fits.
  @discardableResult
  static func checkFit(_ problem: SearchProblem) throws(FusedBoundsError) -> StagePlan {
    let region = problem.verificationCase
    let varying = zip(region.lower, region.upper).reduce(0) { $0 + ($1.0 < $1.1 ? 1 : 0) }
    if varying > mostVaryingInputs { throw .tooManyInputs(varying) }
    if problem.network.neuronCount > 4 * largestSize { throw .tooLarge("\(problem.network.neuronCount) neurons") }
    let plan = try StagePlan(problem.network, rows: region.rows)
    let size = plan.sizes.reduce(0, +)
    if size > largestSize { throw .tooLarge("\(size) neurons") }
    let weights = plan.stages.reduce(0) { sum, stage in
      sum + stage.edges.reduce(0) { $0 + ($1.isDense ? stage.size * plan.sizes[$1.source] : $1.rows.columns.count) }
    }
    if weights > largestWeights { throw .tooLarge("\(weights) weights") }
    return plan
  }

  deinit {
    for piece in pieces { piece.deallocate() }
    pointer.deallocate()
  }

  /// Memory that lives as long as this object.
  private func keep<Element>(_ values: [Element]) -> UnsafeMutablePointer<Element> {
    let stride = MemoryLayout<Element>.stride
    let raw = UnsafeMutableRawPointer.allocate(byteCount: max(1, values.count) * stride, alignment: 64)
    pieces.append(raw)
    let typed = raw.bindMemory(to: Element.self, capacity: max(1, values.count))
    typed.initialize(from: values, count: values.count)
    return typed
  }

  private func build(_ region: VerificationCase, _ magnitudes: Magnitudes, isRoundingSafe: Bool) {
    var stages = [cfb_stage()]
    stages[0].size = Int32(plan.inputCount)
    var word: Int32 = 0
    for stage in plan.stages {
      var c = cfb_stage()
      c.size = Int32(stage.size)
      c.is_relu = stage.isRelu ? 1 : 0
      c.word = word
      word += Int32(stage.words)
      c.edge_count = Int32(stage.edges.count)
      c.edges = UnsafePointer(keep(stage.edges.map { edge(stage, $0) }))
      c.bias = UnsafePointer(keep(stage.bias.padded))
      stages.append(c)
    }
    pointer.pointee.inputs = Int32(plan.inputCount)
    pointer.pointee.nodes = Int32(stages.count)
    pointer.pointee.words = word
    pointer.pointee.stages = UnsafePointer(keep(stages))
    pointer.pointee.clauses = Int32(region.clauses.count)
    pointer.pointee.root_lower = UnsafePointer(keep(region.lower))
    pointer.pointee.root_upper = UnsafePointer(keep(region.upper))
    pointer.pointee.score_floor = 0.2
    pointer.pointee.error_factor = 1
    pointer.pointee.clips = Int32(CFB_CLIPS_ROWS)
    setCharges(region, magnitudes, isRoundingSafe: isRoundingSafe)
  }

  private func edge(_ stage: StagePlan.Stage, _ edge: StagePlan.Edge) -> cfb_edge {
    var c = cfb_edge()
    c.source = Int32(edge.source)
    if edge.isDense {
      let stride = (plan.sizes[edge.source] + 7) / 8 * 8
      var dense = [Double](repeating: 0, count: stage.size * stride + 8)
      for row in 0..<stage.size {
        for entry in edge.rows.entries(ofRow: row) {
          dense[row * stride + Int(edge.rows.columns[entry])] = edge.rows.values[entry]
        }
      }
      c.dense = UnsafePointer(keep(dense))
    } else {
      c.starts = UnsafePointer(keep(edge.rows.starts.map { Int32($0) }))
      c.columns = UnsafePointer(keep(edge.rows.columns))
      c.values = UnsafePointer(keep(edge.rows.values))
    }
    return c
  }

  /// Rows, half-spaces and everything that depends on magnitudes.
  private func setCharges(_ region: VerificationCase, _ magnitudes: Magnitudes, isRoundingSafe: Bool) {
    let stages = UnsafeMutablePointer(mutating: pointer.pointee.stages!)
    for node in 1..<max(1, plan.sizes.count) {
      let charges = isRoundingSafe ? magnitudes.charges[node] : magnitudes.charges[node].map { _ in 0 }
      stages[node].charge = UnsafePointer(keep(charges.padded))
    }
    var rows: [cfb_row] = []
    var seeds: [cfb_seed] = []
    // Rows of a clause stand together; a row that serves two clauses stands there twice.
    for (clause, members) in region.clauses.enumerated() {
      for member in members {
        let row = region.rows[member]
        var c = cfb_row()
        c.clause = Int32(clause)
        c.is_strict = row.isStrict ? 1 : 0
        c.constant = row.constant
        c.first_seed = Int32(seeds.count)
        var error = 0.0
        for (neuron, coefficient) in zip(row.neurons, row.coefficients) where coefficient != 0 {
          let place = plan.places[neuron]!
          error += magnitudes.startCharge(place, coefficient: coefficient, error: row.coefficientError)
          var seed = cfb_seed()
          seed.node = Int32(place.node)
          seed.neuron = Int32(place.element)
          seed.coefficient = coefficient
          // Two outputs that are the same neuron: the sum rounds, which the charge of either pays for.
          let first = Int(c.first_seed)
          if let same = seeds[first...].firstIndex(where: { $0.node == seed.node && $0.neuron == seed.neuron }) {
            seeds[same].coefficient += coefficient
          } else {
            seeds.append(seed)
          }
        }
        c.seed_count = Int32(seeds.count) - c.first_seed
        c.error = isRoundingSafe ? error * (1 + 0x1p-20) : 0
        rows.append(c)
      }
    }
    pointer.pointee.rows = Int32(rows.count)
    pointer.pointee.row_list = UnsafePointer(keep(rows))
    pointer.pointee.seeds = UnsafePointer(keep(seeds))
    pointer.pointee.input_rows = Int32(region.inputRows.count)
    pointer.pointee.input_row_list = UnsafePointer(
      keep(
        region.inputRows.map { row in
          var dense = [Double](repeating: 0, count: plan.inputCount)
          var error = 0.0
          for (neuron, coefficient) in zip(row.neurons, row.coefficients) {
            dense[neuron] = coefficient
            let m = max(-region.lower[neuron], region.upper[neuron])
            error += abs(coefficient) * m * row.coefficientError * 2
          }
          var c = cfb_input_row()
          c.coefficients = UnsafePointer(keep(dense))
          c.constant = row.constant
          c.error = error
          return c
        }))
    pointer.pointee.scalar_charge = isRoundingSafe ? gamma(magnitudes.scalarRoundings + 4) * (1 + 0x1p-10) : 0
    pointer.pointee.omega = isRoundingSafe ? magnitudes.omega : 0
    pointer.pointee.unit = isRoundingSafe ? 0x1p-53 : 0
  }

  private func wholeRegion(_ region: VerificationCase) -> [UInt64] {
    var entry: [UInt64] = [0]
    entry += (region.lower + region.upper).map(\.bitPattern)
    for stage in plan.stages where stage.isRelu {
      for word in 0..<stage.words {
        let bits = stage.size - word * 64
        entry.append(bits >= 64 ? .max : (1 << UInt64(bits)) - 1)
      }
    }
    entry += [UInt64](repeating: 0, count: entryWords - entry.count)
    return entry
  }

  /// Bounds of z of every ReLU stage on the region, infinite for the others; nil if one is not finite.
  private func rootBounds(_ level: FusedLevel) throws(FusedBoundsError) -> (lower: [[Double]], upper: [[Double]])? {
    let work = try FusedWork(self, level)
    var entry = rootEntry
    guard work.bound(&entry) else { return nil }
    rootEntry = entry
    var lower: [[Double]] = [[]]
    var upper: [[Double]] = [[]]
    for (index, stage) in plan.stages.enumerated() {
      let bounds = work.stageBounds(index + 1, stage)
      lower.append(bounds.lower)
      upper.append(bounds.upper)
    }
    return (lower, upper)
  }
}

extension StagePlan.Stage {
  /// Words of one bit for each element; none where every element is always alive.
  var words: Int { isRelu ? (size + 63) / 64 : 0 }
}

extension [Double] {
  /// Filled up with zeros to a multiple of 8.
  fileprivate var padded: [Double] { self + [Double](repeating: 0, count: (count + 7) / 8 * 8 - count) }
}

/// Scratch memory of one thread.
final class FusedWork {
  let problem: FusedProblem
  let pointer: OpaquePointer
  private(set) var lower: [Double]
  private(set) var estimate: [Double]
  private(set) var inputs: [Double]

  init(_ problem: FusedProblem, _ level: FusedLevel) throws(FusedBoundsError) {
    guard let pointer = cfb_work_create(problem.pointer, min(level, .best).rawValue) else { throw .outOfMemory }
    self.problem = problem
    self.pointer = pointer
    let rows = Int(problem.pointer.pointee.rows)
    lower = Array(repeating: .nan, count: rows)
    estimate = lower
    inputs = Array(repeating: 0, count: rows * ((problem.plan.inputCount + 7) / 8 * 8))
  }

  deinit { cfb_work_free(pointer) }

  /// Bounds the entry's neurons and rows; false if a bound is not finite.
  func bound(_ entry: inout [UInt64]) -> Bool {
    cfb_bound(problem.pointer, pointer, &entry, &lower, &estimate, &inputs) != 0
  }

  func stageBounds(_ node: Int, _ stage: StagePlan.Stage) -> (lower: [Double], upper: [Double]) {
    guard stage.isRelu else {
      return (stage.operands.map { _ in -.infinity }, stage.operands.map { _ in .infinity })
    }
    return (
      Array(UnsafeBufferPointer(start: cfb_stage_lower(pointer, Int32(node)), count: stage.size)),
      Array(UnsafeBufferPointer(start: cfb_stage_upper(pointer, Int32(node)), count: stage.size))
    )
  }
}

extension FusedLevel: Comparable {
  package static func < (a: FusedLevel, b: FusedLevel) -> Bool { a.rawValue < b.rawValue }
}
