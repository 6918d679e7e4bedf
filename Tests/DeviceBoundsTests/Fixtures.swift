// Random chains as networks, cases over them, and the OpenCL device that tests share.

import CPUCompute
import Compute
import DeviceBounds
import Networks
import OpenCLCompute
import TestSupport
import Testing

/// The first OpenCL device; tests without one fail, since PoCL belongs to the test machine.
func firstDevice() throws -> OpenCLDevice { try #require(try OpenCLDevice.all().first) }

/// The definitions on the host.
func referenceDevice() -> CPUDevice { CPUDevice(CPUDevice.Options(concurrency: 1, referenceOnly: true)) }

/// A random chain: input, affine and ReLU in turns, affine.
func randomNetwork(_ counts: [Int], _ generator: inout SeededGenerator) -> Network {
  var layers = [Network.Layer(name: "input", neurons: 0..<counts[0], relation: .input)]
  for index in 1..<counts.count {
    let source = layers.last!.neurons
    let scale = 1.7 / Double(counts[index - 1]).squareRoot()
    var rows = SparseRows()
    for _ in 0..<counts[index] {
      rows.append(source.map { (column: $0, value: Double(Float.random(in: -1...1, using: &generator)) * scale) })
    }
    let bias = (0..<counts[index]).map { _ in Double.random(in: -0.3...0.3, using: &generator) }
    let start = source.upperBound
    layers.append(
      Network.Layer(
        name: "z\(index)", neurons: start..<start + counts[index], relation: .affine(Affine(rows: rows, bias: bias))))
    if index + 1 < counts.count {
      let neurons = start + counts[index]..<start + 2 * counts[index]
      layers.append(
        Network.Layer(name: "h\(index)", neurons: neurons, relation: .function(.relu, of: layers.count - 1)))
    }
  }
  return Network(name: "random", layers: layers, outputLayer: layers.count - 1)
}

/// Rows over the outputs, each with coefficients on two of them, in clauses of the given sizes.
func randomCase(
  _ network: Network, radius: Double, clauses: [Int], constant: Double, _ generator: inout SeededGenerator
) -> VerificationCase {
  let centre = network.inputs.map { _ in Double.random(in: -0.5...0.5, using: &generator) }
  let outputs = network.outputs
  var rows: [VerificationCase.Row] = []
  for _ in 0..<clauses.reduce(0, +) {
    let chosen = Array(outputs.shuffled(using: &generator).prefix(2)).sorted()
    rows.append(
      VerificationCase.Row(
        neurons: chosen, coefficients: chosen.map { _ in Double.random(in: -1...1, using: &generator) },
        constant: constant))
  }
  var next = 0
  return VerificationCase(
    lower: centre.map { $0 - radius }, upper: centre.map { $0 + radius }, rows: rows,
    clauses: clauses.map { count in
      next += count
      return Array(next - count..<next)
    })
}

extension VerificationCase.Row {
  func value(_ values: [Double]) -> Double {
    zip(neurons, coefficients).reduce(constant) { $0 + $1.1 * values[$1.0] }
  }
}
