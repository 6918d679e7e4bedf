import CertificateChecking
import Certificates
import Glibc
import Networks
import ONNXImport
import TestSupport
import VNNLIB

// Instances from the data folder, and a search that is no more than the checker asked again and again.

struct Instance {
  var network: Network
  var property: Property

  /// Paths below the data folder.
  init(_ model: String, _ property: String) throws {
    network = try ONNXImporter.load(TestData.path(model)).network()
    self.property = try VNNLIBReader.read(path: TestData.path(property))
  }

  static func acas(_ number: String, _ property: Int) throws -> Instance {
    let folder = "vnncomp/acasxu_2023"
    return try Instance(
      "\(folder)/onnx/ACASXU_run2a_\(number)_batch_2000.onnx.gz", "\(folder)/vnnlib/prop_\(property).vnnlib.gz")
  }

  var checker: ProofChecker { makeChecker(network, property) }

  /// Trees that halve the box until single leaves hold, with a clip before every split; nil beyond `limit` leaves.
  func prove(limit: Int, depth: Int = 40) -> [ProofTree]? {
    var trees: [ProofTree] = []
    var left = limit
    for source in property.cases {
      let region = VerificationCase(source, of: network)
      var nodes: [ProofTree.Node] = []
      var waiting = [(lower: region.lower, upper: region.upper, depth: 0)]
      while let part = waiting.popLast() {
        var one = property
        one.cases = [source]
        one.cases[0].lower = part.lower.map(decimal)
        one.cases[0].upper = part.upper.map(decimal)
        let single = makeChecker(network, one)
        let options = ProofChecker.Options(threads: 1, bisections: 0)
        if single.check(proof([ProofTree(nodes: [plainLeaf])]), options: options).isAccepted {
          nodes.append(plainLeaf)
          continue
        }
        left -= 1
        if left <= 0 || part.depth > depth { return nil }
        let axis = part.lower.indices.max {
          part.upper[$0] - part.lower[$0] < part.upper[$1] - part.lower[$1]
        }!
        let middle = 0.5 * part.lower[axis] + 0.5 * part.upper[axis]
        nodes += [.clip, .splitInput(axis, at: middle)]
        var (first, second) = (part, part)
        first.upper[axis] = middle
        second.lower[axis] = middle
        first.depth += 1
        second.depth += 1
        waiting += [second, first]
      }
      trees.append(ProofTree(nodes: nodes))
    }
    return trees
  }
}

/// The long tier: SURETY_LONG_TESTS=1.
let isLongTier = getenv("SURETY_LONG_TESTS").map { String(cString: $0) } == "1"

/// One random change of a tree's fields.
func mutated(_ tree: ProofTree, _ network: Network, _ random: inout SeededGenerator) -> ProofTree {
  var result = tree
  let index = Int.random(in: tree.nodes.indices, using: &random)
  let wild = [-1, 0, 1, 7, 300, 1 << 40].randomElement(using: &random)!
  let number = [0, -0.0, .nan, .infinity, 1e300, -0.25, 0.1].randomElement(using: &random)!
  switch tree.nodes[index] {
  case .splitInput(let input, let at):
    switch Int.random(in: 0...5, using: &random) {
    case 0: result.nodes[index] = .splitInput(wild, at: at)
    case 1: result.nodes[index] = .splitInput(input, at: number)
    case 2: result.nodes[index] = .splitInput(input, at: at + .random(in: -0.1...0.1, using: &random))
    case 3: result.nodes[index] = .splitNeuron(Int.random(in: 0..<network.neuronCount, using: &random), at: at)
    case 4: result.nodes.remove(at: index)
    default: result.nodes[index] = plainLeaf
    }
  case .splitNeuron(let neuron, let at):
    switch Int.random(in: 0...4, using: &random) {
    case 0: result.nodes[index] = .splitNeuron(wild, at: at)
    case 1: result.nodes[index] = .splitNeuron(neuron, at: number)
    case 2: result.nodes[index] = .splitInput(0, at: at)
    case 3: result.nodes.remove(at: index)
    default: result.nodes[index] = .splitNeuron(Int.random(in: 0..<network.neuronCount, using: &random), at: at)
    }
  case .clip, .bounds: result.nodes[index] = [.clauses, plainLeaf].randomElement(using: &random)!
  case .quadratic(var list):
    guard !list.isEmpty else { break }
    let place = Int.random(in: list.indices, using: &random)
    switch Int.random(in: 0...6, using: &random) {
    case 0: list[place].rows = list[place].rows.map { (row: $0.row, weight: -$0.weight) }
    case 1: list[place].rows = list[place].rows.map { (row: $0.row, weight: Float(number)) }
    case 2: list[place].rows = list[place].rows.map { (row: $0.row + 1, weight: $0.weight) }
    case 3: list[place].rows.append((row: wild, weight: 1))
    case 4: list[place].rows = []
    case 5: list.remove(at: place)
    default: list.append(.init(rows: [(row: 0, weight: 1), (row: 1, weight: .random(in: 0...10, using: &random))]))
    }
    result.nodes[index] = .quadratic(list)
  case .neuronBounds(var list):
    guard !list.isEmpty else { break }
    let place = Int.random(in: list.indices, using: &random)
    switch Int.random(in: 0...6, using: &random) {
    case 0: list[place].isLower.toggle()
    case 1: list[place].neuron = Int.random(in: 0..<network.neuronCount, using: &random)
    case 2: list[place].neuron = wild
    case 3: list[place].terms.rows = list[place].terms.rows.map { (row: $0.row, weight: -1 - $0.weight) }
    case 4: list[place].terms.rows = list[place].terms.rows.map { (row: $0.row, weight: 1e4 * $0.weight) }
    case 5: list[place].terms.rows = list[place].terms.rows.map { (row: $0.row + 1, weight: $0.weight) }
    default: list[place].terms.splitMultipliers.append(-1)
    }
    result.nodes[index] = .neuronBounds(list)
  case .clauses: result.nodes.remove(at: index)
  case .leaf(var leaf):
    switch Int.random(in: 0...6, using: &random) {
    case 0: result.nodes.remove(at: index)
    case 1: result.nodes.insert(plainLeaf, at: index)
    case 2:
      leaf.recomputesBounds.toggle()
      result.nodes[index] = .leaf(leaf)
    case 3:
      leaf.refutations = []
      result.nodes[index] = .leaf(leaf)
    case 4:
      leaf.refutations.append(.init(rows: [(row: wild, weight: Float(number))]))
      result.nodes[index] = .leaf(leaf)
    default:
      guard !leaf.refutations.isEmpty else { return result }
      let place = Int.random(in: leaf.refutations.indices, using: &random)
      let hasLines = !leaf.refutations[place].jointLines.isEmpty
      switch Int.random(in: hasLines ? 5...7 : 0...4, using: &random) {
      case 5:
        leaf.refutations[place].jointLines = leaf.refutations[place].jointLines.map {
          .init(inputs: $0.inputs, slopes: $0.slopes, intercept: $0.intercept + 0.1)
        }
      case 6, 7:
        let line = Int.random(in: leaf.refutations[place].jointLines.indices, using: &random)
        mutate(&leaf.refutations[place].jointLines[line], Int32(truncatingIfNeeded: wild), Float(number), &random)
      case 0: leaf.refutations[place].rows.append((row: wild, weight: 1))
      case 1: leaf.refutations[place].rows = leaf.refutations[place].rows.map { ($0.row, Float(number)) }
      case 2: leaf.refutations[place].splitMultipliers = leaf.refutations[place].splitMultipliers.map { -$0 }
      case 3: leaf.refutations[place].splitMultipliers.append(Float(number))
      default:
        for slope in leaf.refutations[place].slopes.indices {
          leaf.refutations[place].slopes[slope].lower = .random(in: 0...255, using: &random)
        }
      }
      result.nodes[index] = .leaf(leaf)
    }
  }
  return result
}

/// One random change of a joint line.
private func mutate(
  _ line: inout ProofTree.JointLine, _ wild: Int32, _ number: Float, _ random: inout SeededGenerator
) {
  switch Int.random(in: 0...4, using: &random) {
  case 0: line.inputs = line.inputs.map { $0 + wild }
  case 1: line.inputs.reverse()
  case 2: line.slopes = line.slopes.map { _ in number }
  case 3: line.intercept = number
  default: line.intercept += 1
  }
}
