// Bounds over activation splits in plain binary64: what faster implementations are compared with, and the last word on
// rows that fail only by rounding in binary32 (beta-CROWN, Wang et al. 2021; soundness.md 1.2 to 1.5, u = 2^-53).

import Networks

/// Lower bounds of rows on parts of a region by backward passes, one item after another on each thread.
///
/// Guarantee: every bound holds in real arithmetic (and under `float32` and `both` for every binary32 evaluation of the
/// graph as written), with all rounding errors of its own computation subtracted.
public struct ReferenceSplitBounder: ActivationSplitBounder {
  public let lower: [Double]
  public let upper: [Double]
  public let slots: [Int]
  public var preferredBatch: Int { 16 * threads }

  let threads: Int
  let isRoundingSafe: Bool
  let ball: VerificationCase.Ball?
  let rows: [VerificationCase.Row]
  /// Without neurons that are 0 on the whole region.
  let network: ReferenceNetwork
  /// The number in `network` of every neuron.
  let position: [Int32]
  /// The number in `network` of every slot.
  let slotPositions: [Int]
  /// The number in `network` of the ReLU of every slot.
  let slotOutputs: [Int]
  let isStrict: [Bool]

  /// Bounds all neurons on the region, by intervals and, for operands of ReLU that those leave unstable, by backward
  /// passes with default slopes. Given bounds (rigorous ones) are taken as they are instead.
  public init(
    _ problem: SearchProblem, _ options: SearchOptions, bounds: (lower: [Double], upper: [Double])? = nil
  ) throws(SplitBoundError) {
    if options.semantics != .real, let text = problem.network.float32Problem { throw .float32(text) }
    let region = problem.verificationCase
    var root = try ReferenceRoot(problem, options)
    if let bounds { root.adopt(bounds) }
    try root.boundAll(deadline: options.deadline)
    threads = max(1, options.threads)
    isRoundingSafe = options.isRoundingSafe
    ball = region.ball
    rows = region.rows
    isStrict = region.rows.map(\.isStrict)
    lower = root.network.lower
    upper = root.network.upper
    var unstable: Set<Int> = []
    for source in root.network.operand where source >= 0 {
      if root.network.lower[Int(source)] < 0, root.network.upper[Int(source)] > 0 { unstable.insert(Int(source)) }
    }
    slots = unstable.sorted()
    (network, position) = root.network.compacted(keeping: Set(region.rows.flatMap(\.neurons)))
    let place = position
    slotPositions = slots.map { Int(place[$0]) }
    var outputs: [Int: Int] = [:]
    for (neuron, source) in network.operand.enumerated() where source >= 0 { outputs[Int(source)] = neuron }
    slotOutputs = slotPositions.map { outputs[$0]! }
  }

  public func bound(
    _ items: [SplitItem], iterations: Int, deadline: ContinuousClock.Instant
  ) async throws -> [SplitBound] {
    let workers = min(threads, items.count)
    guard workers > 1 else {
      let ascent = SlopeAscent(self)
      return items.map { ascent.bound($0, iterations: iterations, deadline: deadline) }
    }
    return await withTaskGroup(of: [(Int, SplitBound)].self) { group in
      for worker in 0..<workers {
        group.addTask {
          let ascent = SlopeAscent(self)
          return stride(from: worker, to: items.count, by: workers).map {
            ($0, ascent.bound(items[$0], iterations: iterations, deadline: deadline))
          }
        }
      }
      var results: [SplitBound?] = Array(repeating: nil, count: items.count)
      for await part in group {
        for (index, bound) in part { results[index] = bound }
      }
      return results.map { $0! }
    }
  }

  /// The bound of a combination sum weight_i phi_i of rows with the slopes and multipliers of an item, whose row does
  /// not count; no ascent. No rows at all bound the form 0: positive where the part is empty.
  package func bound(combination: [(row: Int, weight: Float)], of item: SplitItem) -> Double {
    let ascent = SlopeAscent(self)
    return ascent.bound(form(combination), item)
  }

  /// The bound before errors of one item, and its gradient in the slopes (or multipliers) of all slots.
  package func gradient(_ item: SplitItem) -> (estimate: Double, gradient: [Float]) { SlopeAscent(self).gradient(item) }

  /// sum weight_i phi_i over the neurons of `network`, with its errors.
  func form(_ combination: [(row: Int, weight: Float)]) -> ReferencePass.Form {
    var form = ReferencePass.Form(neurons: [], coefficients: [])
    for (index, weight) in combination {
      let row = rows[index]
      for (neuron, coefficient) in zip(row.neurons, row.coefficients) {
        form.neurons.append(Int(position[neuron]))
        form.coefficients.append(coefficient * Double(weight))
      }
      form.coefficientError = max(form.coefficientError, row.coefficientError)
      form.constant += (row.constant * Double(weight)).nextDown
      form.constant = form.constant.nextDown
    }
    // Products with weights round once, sums of a neuron's coefficients once for each further row.
    if combination.count > 1 || combination.contains(where: { $0.weight != 1 }) {
      form.coefficientError += ReferenceNetwork.gamma(combination.count + 2)
    } else if let single = combination.first {
      form.constant = rows[single.row].constant
    }
    return form
  }
}

/// Bounds of all neurons on the region, layer after layer.
struct ReferenceRoot {
  var network: ReferenceNetwork
  private let source: Network
  private let options: SearchOptions
  private let ball: VerificationCase.Ball?
  private var given: (lower: [Double], upper: [Double])?

  init(_ problem: SearchProblem, _ options: SearchOptions) throws(SplitBoundError) {
    let region = problem.verificationCase
    network = try ReferenceNetwork(problem.network, lower: region.lower, upper: region.upper)
    source = problem.network
    self.options = options
    ball = region.ball
  }

  mutating func adopt(_ bounds: (lower: [Double], upper: [Double])) { given = bounds }

  mutating func boundAll(deadline: ContinuousClock.Instant) throws(SplitBoundError) {
    let operands = Set(network.operand.compactMap { $0 >= 0 ? Int($0) : nil })
    for (index, layer) in network.layers.enumerated() {
      switch layer.kind {
      case .input: break
      case .relu:
        for neuron in layer.neurons {
          let z = Int(network.operand[neuron])
          network.lower[neuron] = max(network.lower[z], 0)
          network.upper[neuron] = max(network.upper[z], 0)
        }
      case .affine:
        for neuron in layer.neurons { boundByInterval(neuron, layer: index) }
        if let given {
          for neuron in layer.neurons {
            network.lower[neuron] = given.lower[neuron]
            network.upper[neuron] = given.upper[neuron]
          }
        } else if index > 1 || ball != nil {
          try boundByPasses(layer.neurons.filter { operands.contains($0) }, layer: index, deadline: deadline)
        }
      }
    }
  }

  /// Outward interval of one affine neuron, and the error v_j of its row.
  private mutating func boundByInterval(_ neuron: Int, layer: Int) {
    guard case .affine(let affine) = source.layers[layer].relation else { return }
    let bias = network.bias[neuron]
    let biasError = affine.biasError?[neuron - network.layers[layer].neurons.lowerBound] ?? 0
    let entries = network.runs[network.runStarts[neuron]..<network.runStarts[neuron + 1]]
    let fanIn = entries.reduce(0) { $0 + Int($1.count) }
    let roundings = affine.coefficientRoundings
    var least = bias
    var most = bias
    var size = bias.magnitude
    var rowError = 0.0
    for run in entries {
      for offset in 0..<Int(run.count) {
        let weight = network.values[run.value + offset]
        let column = Int(run.column) + offset
        let low = weight * network.lower[column]
        let high = weight * network.upper[column]
        least += min(low, high)
        most += max(low, high)
        let magnitude = weight.magnitude * network.magnitude(column)
        size += magnitude
        rowError += ReferenceNetwork.gamma(Int(network.fanOut[column]) + roundings) * magnitude
      }
    }
    var declared = biasError + ReferenceNetwork.gamma(roundings) * size
    if options.semantics != .real {
      let length = fanIn + 2 + affine.float32ExtraRoundings
      declared += (1 + 0x1p-10) * (ReferenceNetwork.gamma32(length) * size + 0x1p-124 * Double(length))
    }
    guard options.isRoundingSafe else { return set(neuron, least, most, 0) }
    network.rowError[neuron] = (1 + 0x1p-10) * (rowError + declared)
    let error = (1 + 0x1p-10) * (declared + ReferenceNetwork.gamma(fanIn + 3) * size) + 0x1p-1000 * Double(fanIn + 4)
    set(neuron, (least - error).nextDown, (most + error).nextUp, network.rowError[neuron])
  }

  private mutating func set(_ neuron: Int, _ least: Double, _ most: Double, _ rowError: Double) {
    // NaN becomes "no bound".
    network.lower[neuron] = least.isNaN ? -.infinity : least
    network.upper[neuron] = most.isNaN ? .infinity : most
    network.rowError[neuron] = rowError
  }

  private mutating func boundByPasses(
    _ neurons: [Int], layer: Int, deadline: ContinuousClock.Instant
  ) throws(SplitBoundError) {
    let unstable = neurons.filter { network.lower[$0] < 0 && network.upper[$0] > 0 }
    guard !unstable.isEmpty else { return }
    let pass = ReferencePass(network, ball: ball, isRoundingSafe: options.isRoundingSafe)
    for neuron in unstable {
      guard ContinuousClock.now < deadline else { throw .timeout }
      let low = pass.backward(.init(neurons: [neuron], coefficients: [1]), fromLayer: layer).bound
      let high = -pass.backward(.init(neurons: [neuron], coefficients: [-1]), fromLayer: layer).bound
      if low > network.lower[neuron] { network.lower[neuron] = low }
      if high < network.upper[neuron] { network.upper[neuron] = high }
    }
  }
}
