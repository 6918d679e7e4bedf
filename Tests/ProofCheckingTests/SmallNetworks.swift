import CertificateChecking
import Certificates
import Networks
import Statistics
import TestSupport

// Networks, properties and trees that tests make by hand.

/// Layers with numbers given in order.
struct NetworkMaker {
  private(set) var layers: [Network.Layer] = []

  init(inputs: Int) { layers = [.init(name: "input", neurons: 0..<inputs, relation: .input)] }

  private mutating func add(_ count: Int, _ relation: Network.Relation) -> Int {
    let start = layers.last!.neurons.upperBound
    layers.append(.init(name: "layer \(layers.count)", neurons: start..<(start + count), relation: relation))
    return layers.count - 1
  }

  /// Rows of weights over the neurons of one layer.
  mutating func affine(_ weights: [[Double]], _ bias: [Double], of layer: Int) -> Int {
    var rows = SparseRows()
    let first = layers[layer].neurons.lowerBound
    for row in weights {
      rows.append(row.enumerated().filter { $0.element != 0 }.map { (column: first + $0.offset, value: $0.element) })
    }
    return add(weights.count, .affine(Affine(rows: rows, bias: bias)))
  }

  mutating func function(_ function: ElementaryFunction, of layer: Int) -> Int {
    add(layers[layer].count, .function(function, of: layer))
  }

  mutating func product(_ left: Int, _ right: Int) -> Int { add(layers[left].count, .product(left, right)) }

  func network(output: Int? = nil) -> Network {
    Network(name: "test", layers: layers, outputLayer: output ?? layers.count - 1)
  }
}

/// The exact decimal of a double.
func decimal(_ value: Double) -> ExactDecimal { ExactDecimal(exactly: value)! }

/// Forbids sum c_i y_i <= bound on a box.
func forbid(
  _ coefficients: [Double], atMost bound: Double, box: [(Double, Double)], isStrict: Bool = false
) -> Property {
  let terms = coefficients.enumerated().filter { $0.element != 0 }.map {
    Property.Term(variable: .output($0.offset), coefficient: decimal($0.element))
  }
  let clause = [Property.LinearConstraint(terms: terms, bound: decimal(bound), isStrict: isStrict)]
  let single = Property.Case(
    lower: box.map { decimal($0.0) }, upper: box.map { decimal($0.1) }, clauses: [clause])
  return Property(inputCount: box.count, outputCount: coefficients.count, cases: [single])
}

let anyHash = String(repeating: "0", count: 64)

func makeChecker(_ network: Network, _ property: Property) -> ProofChecker {
  ProofChecker(network: network, property: property, modelSHA256: anyHash, propertySHA256: anyHash)
}

func proof(_ trees: [ProofTree], semantics: Semantics = .real, model: String = anyHash) -> VerificationProof {
  VerificationProof(
    header: .init(program: "test", modelSHA256: model, propertySHA256: anyHash, semantics: semantics), trees: trees)
}

/// A leaf whose bounds are computed for its part.
let plainLeaf = ProofTree.Node.leaf(.init(recomputesBounds: true))

/// The box halved `depth` times along its inputs in turn.
func bisected(_ box: [(Double, Double)], depth: Int, leaf: ProofTree.Node = plainLeaf) -> [ProofTree.Node] {
  if depth == 0 { return [leaf] }
  let widest = box.indices.max { box[$0].1 - box[$0].0 < box[$1].1 - box[$1].0 }!
  let middle = 0.5 * box[widest].0 + 0.5 * box[widest].1
  var (left, right) = (box, box)
  left[widest].1 = middle
  right[widest].0 = middle
  return [.splitInput(widest, at: middle)] + bisected(left, depth: depth - 1, leaf: leaf)
    + bisected(right, depth: depth - 1, leaf: leaf)
}

/// A random network of affine layers and one function, with 2 inputs and 1 output.
func randomNetwork(_ function: ElementaryFunction, _ random: inout SeededGenerator) -> Network {
  var maker = NetworkMaker(inputs: 2)
  var layer = 0
  var width = 2
  func numbers(_ count: Int) -> [Double] {
    (0..<count).map { _ in Double(Int.random(in: -64...64, using: &random)) / 64 }
  }
  for _ in 0..<2 {
    let next = Int.random(in: 2...6, using: &random)
    var weights = (0..<next).map { _ in numbers(width) }
    var bias = numbers(next)
    if [.logarithm, .squareRoot, .reciprocal].contains(function) {
      // Keep operands positive: inputs lie in [-1, 1].
      weights = weights.map { $0.map { abs($0) * 0.25 / Double(width) } }
      bias = bias.map { abs($0) + 1.5 }
    }
    layer = maker.affine(weights, bias, of: layer)
    layer = maker.function(function, of: layer)
    width = next
  }
  _ = maker.affine([numbers(width)], numbers(1), of: layer)
  return maker.network()
}

/// A box of two inputs on whose dense grid claims about a network's output are held against its values.
enum SampledSurface {
  static let functions: [ElementaryFunction] = [
    .relu, .sigmoid, .tanh, .exponential, .logarithm, .squareRoot, .reciprocal, .sine, .cosine, .power(2), .power(3),
    .gelu, .errorFunction, .floor, .step, .sign,
  ]
  static let box = [(-1.0, 0.5), (-0.25, 1.0)]

  /// The least value of output 0 on the grid.
  static func least(_ network: Network) -> Double {
    var least = Double.infinity
    for i in 0...40 {
      for j in 0...40 {
        let x = zip(box, [i, j]).map { range, step in range.0 + (range.1 - range.0) * Double(step) / 40 }
        least = min(least, network.outputs(x)[0])
      }
    }
    return least
  }
}
