// Bounds of all neurons by interval arithmetic, rounded outward (soundness.md 1.2).

import Networks

/// Lower and upper ends of all neurons of a network.
struct GatherRegion: Sendable {
  var lower: [Double]
  var upper: [Double]

  /// The ends of the inputs; all other neurons unbounded.
  init(_ verificationCase: VerificationCase, of network: Network) {
    lower = [Double](repeating: -.infinity, count: network.neuronCount)
    upper = [Double](repeating: .infinity, count: network.neuronCount)
    for (index, neuron) in network.inputs.enumerated() {
      lower[neuron] = verificationCase.lower[index]
      upper[neuron] = verificationCase.upper[index]
      if let ball = verificationCase.ball {
        lower[neuron] = max(lower[neuron], (ball.centre[index] - ball.radius).nextDown)
        upper[neuron] = min(upper[neuron], (ball.centre[index] + ball.radius).nextUp)
      }
    }
  }

  func magnitude(_ neuron: Int) -> Double { max(abs(lower[neuron]), abs(upper[neuron])) }

  /// The intervals of a unit's operands from those of its sources. Under float32 semantics they contain every binary32
  /// evaluation of the map as written as well (soundness.md 1.8).
  ///
  /// Plain binary64 sums, then widened: a sum of n products and a bias errs by at most gamma64(n + 2) times the sum of
  /// the magnitudes, and by n 2^-1073 where products underflow.
  func intervals(of unit: GatherUnit, _ semantics: Semantics) -> (lower: [Double], upper: [Double]) {
    let rows = unit.map.rows
    let wide = GatherArithmetic(.binary64)
    let single = GatherArithmetic(.binary32)
    var low = [Double](repeating: 0, count: unit.count)
    var high = low
    lower.withUnsafeBufferPointer { lower in
      upper.withUnsafeBufferPointer { upper in
        rows.columns.withUnsafeBufferPointer { columns in
          rows.values.withUnsafeBufferPointer { values in
            for row in 0..<unit.count {
              let bias = unit.map.bias[row]
              var least = bias
              var largest = bias
              var magnitude = abs(bias)
              var sources = 0.0
              let entries = rows.starts[row]..<rows.starts[row + 1]
              for entry in entries {
                let neuron = Int(columns[entry])
                let weight = values[entry]
                if weight == 0 { continue }
                let a = weight * lower[neuron]
                let b = weight * upper[neuron]
                least += weight > 0 ? a : b
                largest += weight > 0 ? b : a
                magnitude += max(abs(a), abs(b))
                sources += max(abs(lower[neuron]), abs(upper[neuron]))
              }
              let count = entries.count
              var error = wide.gamma(count + 3 + unit.map.coefficientRoundings) * magnitude * (1 + 0x1p-20)
              error += (unit.map.biasError?[row] ?? 0) * (1 + 0x1p-20) + Double(count + 1) * 0x1p-1060
              if semantics != .real {
                // Weights below 2^-126 count as 2^-102 each, so their products are at most 2^-102 times the sources.
                let fanIn = count + 2 + unit.map.float32ExtraRoundings
                let forward = single.gamma(fanIn) * (magnitude + 0x1p-102 * sources)
                error += (forward + 0x1p-124 * Double(fanIn) * (1 + sources)) * (1 + 0x1p-20)
              }
              low[row] = (least - error * (1 + 0x1p-20)).nextDown
              high[row] = (largest + error * (1 + 0x1p-20)).nextUp
            }
          }
        }
      }
    }
    return (low, high)
  }

  /// Takes over better ends of a unit's operands, and of its outputs where they are ReLUs of them.
  mutating func tighten(_ unit: GatherUnit, lower low: [Double], upper high: [Double]) {
    for row in 0..<unit.count {
      let operand = unit.operands.lowerBound + row
      lower[operand] = max(lower[operand], low[row])
      upper[operand] = min(upper[operand], high[row])
      if unit.kind == .relu {
        lower[unit.outputs.lowerBound + row] = max(lower[operand], 0)
        upper[unit.outputs.lowerBound + row] = max(upper[operand], 0)
      }
    }
  }
}
