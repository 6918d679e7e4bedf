import CProofChecking
import Networks

// Charges and interval bounds of one layer, from what is known of the layers before it.

extension CheckedNetwork {
  /// Sets `magnitude` and `gain` of a layer whose root bounds are final.
  func settle(_ layer: Int) {
    for neuron in network.layers[layer].neurons {
      let largest = max(abs(rootLower[neuron]), abs(rootUpper[neuron]))
      magnitude[neuron] = largest.isNaN ? .infinity : largest
      addToFloor(magnitude[neuron])
      gain[neuron] = Self.slack * Self.gamma(Int(fanOut[neuron])) * magnitude[neuron]
    }
  }

  /// Sets `charge` and first root bounds of a layer's neurons; all layers before it are settled.
  func enclose(_ layer: Int) {
    switch network.layers[layer].relation {
    case .input: break
    case .affine(let affine):
      for (row, neuron) in network.layers[layer].neurons.enumerated() { enclose(neuron, row, affine) }
    case .function:
      let left = Int(layers[layer].left)
      for (index, neuron) in network.layers[layer].neurons.enumerated() {
        let image = CheckedFunction(functions[layer]!).image(rootLower[left + index], rootUpper[left + index])
        (rootLower[neuron], rootUpper[neuron]) = image
      }
    case .product(let first, let second):
      for (index, neuron) in network.layers[layer].neurons.enumerated() {
        if let function = functions[layer] {
          let x = network.layers[first].neurons.lowerBound + index
          (rootLower[neuron], rootUpper[neuron]) = CheckedFunction(function).image(rootLower[x], rootUpper[x])
        } else {
          let x = network.layers[first].neurons.lowerBound + index
          let y = network.layers[second].neurons.lowerBound + index
          (rootLower[neuron], rootUpper[neuron]) =
            CheckedPlane.image(rootLower[x], rootUpper[x], rootLower[y], rootUpper[y])
        }
      }
    }
  }

  private func enclose(_ neuron: Int, _ row: Int, _ affine: Affine) {
    var low = bias[neuron]
    var high = bias[neuron]
    // sum |W| m, and the same with what rounding does to the coefficient that arrives there.
    var size = abs(bias[neuron])
    var weighted = 0.0
    let range = Int(starts[neuron])..<Int(starts[neuron + 1])
    let inexact = affine.coefficientRoundings
    for entry in range where values[entry] != 0 {
      let k = Int(columns[entry])
      let w = values[entry]
      low += w > 0 ? w * rootLower[k] : w * rootUpper[k]
      high += w > 0 ? w * rootUpper[k] : w * rootLower[k]
      let part = abs(w) * magnitude[k]
      size += part
      weighted += part * Self.gamma(Int(fanOut[k]) + inexact)
    }
    // What the neuron's own value may be off sum W h + b, whatever the semantics.
    var offset = affine.biasError?[row] ?? 0
    if isFloat32 {
      // |xi_j| <= gamma32(fan-in + 2) (sum |W| m + |b|) + 2^-124 (fan-in + 2), for every order (soundness.md 1.8).
      let roundings = range.count + 2 + affine.float32ExtraRoundings
      offset += Self.gamma(roundings, unit: 0x1p-24) * size + 0x1p-124 * Double(roundings)
    }
    charge[neuron] = Self.slack * (weighted + scalarError * abs(bias[neuron]) + offset)
    // Each term of `low` passes at most count + 1 roundings.
    let error =
      Self.slack * (Self.gamma(range.count + 2 + inexact) * size + offset) + floor
    let lower = (low - error).nextDown
    let upper = (high + error).nextUp
    rootLower[neuron] = lower.isNaN ? -.infinity : lower
    rootUpper[neuron] = upper.isNaN ? .infinity : upper
  }
}
