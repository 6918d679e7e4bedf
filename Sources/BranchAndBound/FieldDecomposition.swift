// Rows over one layer of ReLUs that read few inputs each: Lagrangian decomposition over receptive fields.
//
// With phi(x) = sum_p g_p(x_p) + d . x + c, where g_p sums the ReLUs that read the inputs of field p, and any slopes s_p,
//   phi(x) >= sum_p min (g_p(x_p) - s_p . x_p) + min (d . x + sum_p s_p . x_p) + c,
// each minimum over its own box. The first are few-dimensional and found to any accuracy; the slopes ascend so that the
// fields agree on the inputs that they share (Guignard and Kim 1987; for verification Bunel et al. 2020). The limit is
// the sum of the convex envelopes of all g_p, where lines of single ReLUs stop at the sum of their own envelopes.

import Glibc
import Networks

/// The fields of a network with one layer of ReLUs, on a region; made once, asked for each open clause.
package final class FieldDecomposition {
  /// Fields with more inputs cost too many parts.
  package static let mostInputs = 6

  private let problem: SearchProblem
  private let options: SearchOptions
  private var fields: [ReceptiveField]
  private let network: ReferenceNetwork
  private let layer: Int
  private let top: Int
  /// How many fields name an input.
  private let uses: [Int]

  /// nil where the network has another form, or its fields are no smaller than the input.
  package init?(_ problem: SearchProblem, _ options: SearchOptions) {
    guard options.isRoundingSafe, let layer = Self.onlyReLULayer(problem.network),
      let supports = Self.supports(problem.network, layer),
      var root = try? ReferenceRoot(problem, options), (try? root.boundAll(deadline: options.deadline)) != nil
    else { return nil }
    self.problem = problem
    self.options = options
    self.layer = layer
    network = root.network
    top = problem.network.layers.count - 1
    let region = problem.verificationCase
    let relus = problem.network.layers[layer].neurons
    var uses = Array(repeating: 0, count: region.lower.count)
    var fields: [ReceptiveField] = []
    for (inputs, members) in Self.members(supports) {
      let neurons = members.map { relus.lowerBound + $0 }
      let operands = neurons.map { Int(root.network.operand[$0]) }
      let place = Dictionary(uniqueKeysWithValues: inputs.enumerated().map { ($1, $0) })
      let rows = operands.map { operand in
        var dense = Array(repeating: 0.0, count: inputs.count)
        root.network.forEachEntry(ofRow: operand) { column, value in
          if value != 0 { dense[place[column]!] = value }
        }
        return dense
      }
      for input in inputs { uses[input] += 1 }
      fields.append(
        ReceptiveField(
          inputs: inputs, box: (inputs.map { region.lower[$0] }, inputs.map { region.upper[$0] }), neurons: neurons,
          operands: operands, biases: operands.map { root.network.bias[$0] }, rows: rows))
    }
    guard fields.count > 1 else { return nil }
    self.fields = fields
    self.uses = uses
  }

  /// The only layer of ReLUs, if its operands are affine in the inputs and everything behind it is affine.
  private static func onlyReLULayer(_ network: Network) -> Int? {
    var found: Int?
    for (index, layer) in network.layers.enumerated() {
      switch layer.relation {
      case .input, .affine: continue
      case .function(.relu, _) where found == nil: found = index
      default: return nil
      }
    }
    return found
  }

  /// The inputs that each ReLU's operand reads, ascending; nil if it reads other neurons or too many.
  private static func supports(_ network: Network, _ layer: Int) -> [[Int]]? {
    guard case .function(_, of: let operand) = network.layers[layer].relation,
      case .affine(let affine) = network.layers[operand].relation
    else { return nil }
    var result: [[Int]] = []
    for row in 0..<network.layers[operand].count {
      let columns = affine.rows.entries(ofRow: row).filter { affine.rows.values[$0] != 0 }
        .map { Int(affine.rows.columns[$0]) }
      guard columns.count <= mostInputs, columns.allSatisfy({ network.inputs.contains($0) }) else { return nil }
      result.append(columns)
    }
    return result
  }

  /// The largest supports in lexicographic order, each with the ReLUs that read nothing else; a ReLU belongs to the
  /// first that will do.
  private static func members(_ supports: [[Int]]) -> [(inputs: [Int], members: [Int])] {
    let distinct = Set(supports).filter { !$0.isEmpty }.sorted { $0.lexicographicallyPrecedes($1) }
    var readers: [Int: [[Int]]] = [:]
    for support in distinct { for input in support { readers[input, default: []].append(support) } }
    let largest = distinct.filter { support in
      !readers[support[0]]!.contains { $0.count > support.count && Set($0).isSuperset(of: support) }
    }
    var ofInput: [Int: [Int]] = [:]
    for (index, inputs) in largest.enumerated() { for input in inputs { ofInput[input, default: []].append(index) } }
    var result = largest.map { (inputs: $0, members: [Int]()) }
    for (offset, support) in supports.enumerated() where !support.isEmpty {
      let index = ofInput[support[0]]!.first { Set(largest[$0]).isSuperset(of: support) }!
      result[index].members.append(offset)
    }
    return result
  }

  // MARK: Ascent

  /// Proves a row positive on the whole region, or nil. Deterministic for any number of threads.
  package func refutation(of index: Int, isOver: () -> Bool) async -> ProofTree.Refutation? {
    let row = problem.verificationCase.rows[index]
    let pass = ReferencePass(network, ball: problem.verificationCase.ball, isRoundingSafe: true)
    var sums = pass.start(
      .init(
        neurons: row.neurons, coefficients: row.coefficients, coefficientError: row.coefficientError,
        constant: row.constant))
    pass.push(&sums, through: (layer + 1)..<(top + 1))
    takeFields(from: pass, &sums)
    pass.push(&sums, through: 1..<(layer + 1))
    let direct = uses.indices.map { pass.coefficients[$0] }

    var ascent = FieldAscent(fields, direct: direct, uses: uses)
    var tolerance = Double.infinity
    for step in 0..<FieldAscent.steps {
      if isOver() { return nil }
      let slopes = ascent.slopes
      let found = await minima(less: slopes, tolerance: tolerance, ascent.parts(step))
      let intercepts = found.map { found in
        let nearest = Float(found.bound)
        return Double(nearest) > found.bound ? nearest.nextDown : nearest
      }
      let bound = self.bound(direct, slopes, intercepts, pass, sums)
      if bound > 0 || (bound >= 0 && row.isStrict) {
        let lines = zip(fields, zip(slopes, intercepts)).map {
          ProofTree.JointLine(inputs: $0.inputs.map(Int32.init), slopes: $1.0, intercept: $1.1)
        }
        return ProofTree.Refutation(rows: [(row: index, weight: 1)], jointLines: lines)
      }
      if bound.isNaN { return nil }
      // Half of what is missing may be lost to the fields' tolerance.
      tolerance = 0.5 * bound.magnitude / Double(fields.count)
      ascent.step(step, minimizers: found.map(\.point))
    }
    return nil
  }

  /// Moves the coefficients of the fields' ReLUs from the pass to the fields.
  private func takeFields(from pass: ReferencePass, _ sums: inout ReferencePass.Sums) {
    for index in fields.indices {
      let factors = fields[index].neurons.map { pass.coefficients[$0] }
      fields[index].setFactors(factors)
      for ((neuron, operand), factor) in zip(zip(fields[index].neurons, fields[index].operands), factors) {
        // The operand's true value may be off its row by that much, and ReLU does not enlarge it.
        sums.error += factor.magnitude * network.rowError[operand]
        pass.coefficients[neuron] = 0
      }
    }
  }

  /// The whole bound with the fields' lines, rounding included.
  private func bound(
    _ direct: [Double], _ slopes: [[Float]], _ intercepts: [Float], _ pass: ReferencePass, _ start: ReferencePass.Sums
  ) -> Double {
    var sums = start
    for (input, coefficient) in direct.enumerated() { pass.coefficients[input] = coefficient }
    var sizes = direct.map(\.magnitude)
    for (field, (slopes, intercept)) in zip(fields, zip(slopes, intercepts)) {
      sums.constant += Double(intercept)
      sums.total += Double(intercept).magnitude
      for (input, slope) in zip(field.inputs, slopes) {
        pass.coefficients[input] += Double(slope)
        sizes[input] += Double(slope).magnitude
      }
    }
    for (input, size) in sizes.enumerated() {
      sums.error += ReferenceNetwork.gamma(uses[input] + 2) * size * network.magnitude(input)
    }
    return pass.concretized(sums).bound
  }

  private func minima(
    less slopes: [[Float]], tolerance: Double, _ parts: Int
  ) async -> [(bound: Double, point: [Double])] {
    let fields = fields
    let workers = max(1, min(options.threads, fields.count / 8))
    func minima(of range: StrideTo<Int>) -> [(Int, (bound: Double, point: [Double]))] {
      range.map { index in
        let widened = slopes[index].map { Double($0) }
        return (index, fields[index].minimum(less: widened, tolerance: tolerance, parts: parts))
      }
    }
    var result = fields.map { (bound: -Double.infinity, point: $0.lower) }
    await withTaskGroup(of: [(Int, (bound: Double, point: [Double]))].self) { group in
      for worker in 0..<workers {
        group.addTask { minima(of: stride(from: worker, to: fields.count, by: workers)) }
      }
      for await part in group { for (index, found) in part { result[index] = found } }
    }
    return result
  }
}

/// The slopes of all fields, moved by Adam along the dual function's supergradient.
///
/// After every step the slopes are moved so that those of each shared input add up to what its own coefficient takes
/// back: then only the fields' minima count, and the supergradient is the mean of what the fields chose for the input
/// less what a field chose itself.
struct FieldAscent {
  static let steps = 120

  private let inputs: [[Int]]
  private let direct: [Double]
  private let uses: [Int]
  private let rate: Double
  private var exact: [[Double]]
  private var first: [[Double]]
  private var second: [[Double]]

  init(_ fields: [ReceptiveField], direct: [Double], uses: [Int]) {
    inputs = fields.map(\.inputs)
    self.direct = direct
    self.uses = uses
    exact = inputs.map { $0.map { _ in 0 } }
    first = exact
    second = exact
    rate = 0.03 * fields.reduce(0) { $0 + $1.steepness } / Double(fields.count)
    balance()
  }

  /// The slopes as a proof stores them.
  var slopes: [[Float]] { exact.map { $0.map { Float($0) } } }

  /// How many parts of its box a field may take in this step.
  func parts(_ step: Int) -> Int { 2_000 + 100 * step }

  mutating func step(_ step: Int, minimizers: [[Double]]) {
    var mean = Array(repeating: 0.0, count: uses.count)
    for (inputs, point) in zip(inputs, minimizers) { for (input, x) in zip(inputs, point) { mean[input] += x } }
    for input in mean.indices where uses[input] > 0 { mean[input] /= Double(uses[input]) }
    let (beta1, beta2, count) = (0.9, 0.99, Double(step + 1))
    let size = rate * pow(0.02, Double(step) / Double(Self.steps))
    let (bias1, bias2) = (1 - pow(beta1, count), 1 - pow(beta2, count))
    for field in inputs.indices {
      for place in inputs[field].indices {
        let gradient = mean[inputs[field][place]] - minimizers[field][place]
        first[field][place] = beta1 * first[field][place] + (1 - beta1) * gradient
        second[field][place] = beta2 * second[field][place] + (1 - beta2) * gradient * gradient
        exact[field][place] +=
          size * (first[field][place] / bias1) / ((second[field][place] / bias2).squareRoot() + 1e-9)
      }
    }
    balance()
  }

  private mutating func balance() {
    var sum = direct
    for (inputs, slopes) in zip(inputs, exact) { for (input, slope) in zip(inputs, slopes) { sum[input] += slope } }
    for field in inputs.indices {
      for (place, input) in inputs[field].enumerated() { exact[field][place] -= sum[input] / Double(uses[input]) }
    }
  }
}
