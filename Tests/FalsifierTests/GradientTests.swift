import Falsifier
import Networks
import TestSupport
import Testing

private let functions: [ElementaryFunction] = [
  .relu, .sigmoid, .tanh, .exponential, .logarithm, .squareRoot, .reciprocal, .sine, .cosine, .power(2), .power(3),
  .gelu, .errorFunction,
]

@Suite struct GradientTests {
  /// Values against the binary64 evaluation, gradients against central differences of it.
  @Test(arguments: functions, [16, 32])
  func valuesAndGradientsAreThoseOfTheNetwork(function: ElementaryFunction, lanes: Int) {
    let seed: UInt64 = 5
    let network = RandomNetworks.everyRelation(function, seed: seed)
    var generator = SeededGenerator(seed: seed + 1)
    let panel = Panel(PanelNetwork(network), lanes: lanes)
    let inputs = (0..<lanes).map { _ in (0..<4).map { _ in Double(Float.random(in: -1...1, using: &generator)) } }
    for lane in 0..<lanes { for input in 0..<4 { panel.values[input * lanes + lane] = Float(inputs[lane][input]) } }
    #expect(panel.forward { false })
    panel.clearGradients()
    // A different output weighting in every lane.
    let weights = (0..<lanes).map { _ in (0..<4).map { _ in Double.random(in: -1...1, using: &generator) } }
    for lane in 0..<lanes {
      for (number, neuron) in network.outputs.enumerated() {
        panel.gradients[neuron * lanes + lane] = Float(weights[lane][number])
      }
    }
    #expect(panel.backward { false })
    for lane in 0..<lanes {
      let values = network.evaluate(inputs[lane])
      for neuron in 0..<network.neuronCount {
        let value = Double(panel.values[neuron * lanes + lane])
        #expect(abs(value - values[neuron]) <= 1e-5 * (1 + abs(values[neuron])), "\(function) seed \(seed)")
      }
      for input in 0..<4 {
        func loss(_ shift: Double) -> Double {
          var moved = inputs[lane]
          moved[input] += shift
          return zip(weights[lane], network.outputs(moved)).reduce(0) { $0 + $1.0 * $1.1 }
        }
        let step = 1e-5
        let difference = (loss(step) - loss(-step)) / (2 * step)
        let gradient = Double(panel.gradients[input * lanes + lane])
        #expect(
          abs(gradient - difference) <= 2e-4 * (1 + abs(difference)),
          "\(function) \(gradient) \(difference) seed \(seed)")
      }
    }
  }

  @Test(arguments: [ElementaryFunction.sign, .step, .floor])
  func stepFunctionsPassGradientsOn(function: ElementaryFunction) {
    let network = RandomNetworks.everyRelation(function, seed: 6)
    let panel = Panel(PanelNetwork(network), lanes: 16)
    #expect(panel.forward { false })
    panel.clearGradients()
    for neuron in network.outputs { panel.gradients[neuron * 16] = 1 }
    #expect(panel.backward { false })
    // The gradient at the function's operands is neither zero nor infinite, and other lanes stay without.
    #expect((4..<8).contains { panel.gradients[$0 * 16] != 0 })
    #expect((4..<8).allSatisfy { panel.gradients[$0 * 16].isFinite && panel.gradients[$0 * 16 + 1] == 0 })
  }

  @Test func deadlinesEndAPass() {
    let network = RandomNetworks.dense([4, 8, 8, 2], seed: 1)
    let panel = Panel(PanelNetwork(network), lanes: 16)
    #expect(!panel.forward { true })
    #expect(!panel.backward { true })
  }
}
