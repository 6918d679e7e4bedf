// Networks of the usual shapes with random weights, for measurements where no model is at hand.

import BranchAndBound
import Networks

extension BoundBench {
  /// A name and a problem of a shape that searches meet often. Weights are uniform with the variance that keeps the
  /// size of activations, so that about half of the neurons are unstable on a wide region.
  public static var examples: [(name: String, problem: SearchProblem)] {
    [
      ("5-50x6-5", chain([5, 50, 50, 50, 50, 50, 50, 5], radius: 0.05)),
      ("784-256x4-10", chain([784, 256, 256, 256, 256, 10], radius: 0.01)),
    ]
  }

  /// input, then affine layers with ReLU between them; the property asks whether output 0 can be the greatest.
  static func chain(_ counts: [Int], radius: Double) -> SearchProblem {
    var random = SplitMix(state: 0x5eed)
    func uniform() -> Double { Double(random.next() >> 40) * 0x1p-23 - 1 }
    var layers = [Network.Layer(name: "input", neurons: 0..<counts[0], relation: .input)]
    for index in 1..<counts.count {
      let source = layers.last!.neurons
      let scale = (6 / Double(counts[index - 1])).squareRoot()
      var rows = SparseRows()
      for _ in 0..<counts[index] {
        rows.append(source.map { (column: $0, value: Double(Float(uniform() * scale))) })
      }
      let affine = Affine(rows: rows, bias: (0..<counts[index]).map { _ in Double(Float(0.1 * uniform())) })
      let start = source.upperBound
      layers.append(
        Network.Layer(name: "affine \(index)", neurons: start..<start + counts[index], relation: .affine(affine)))
      if index + 1 == counts.count { continue }
      let neurons = start + counts[index]..<start + 2 * counts[index]
      layers.append(
        Network.Layer(name: "relu \(index)", neurons: neurons, relation: .function(.relu, of: layers.count - 1)))
    }
    let network = Network(name: "example", layers: layers, outputLayer: layers.count - 1)
    let centre = network.inputs.map { _ in 0.5 * uniform() }
    let outputs = network.outputs
    let region = VerificationCase(
      lower: centre.map { $0 - radius }, upper: centre.map { $0 + radius },
      rows: outputs.dropFirst().map {
        VerificationCase.Row(neurons: [outputs.lowerBound, $0], coefficients: [-1, 1], constant: 0)
      }, clauses: [Array(0..<outputs.count - 1)])
    return SearchProblem(network: network, verificationCase: region)
  }
}
