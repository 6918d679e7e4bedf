import CProofChecking
import Networks

// Bounds of intermediate neurons: for each one that still matters a row +z and a row -z.

extension PartBounds {
  /// The neurons of a layer whose bounds can still change a line.
  func undecided(_ layer: Int) -> [Int] {
    network.network.layers[layer].neurons.filter { neuron in
      switch network.use[neuron] {
      case .none: false
      case .relu: !(lower[neuron] >= 0) && !(upper[neuron] <= 0)
      case .curve: !(lower[neuron] >= upper[neuron])
      }
    }
  }

  /// Bounds up to four neurons of one layer on this part; the rows' lines follow `slopes`.
  ///
  /// Replacing takes the new bounds even where the old ones are tighter (see `tightenAll`). Returns false if the part is
  /// proven empty.
  func tighten(
    _ neurons: ArraySlice<Int>, of layer: Int, slopes: LaneSlopes? = nil, replacing: Bool = false
  ) -> Bool {
    begin(from: layer)
    for (position, neuron) in neurons.enumerated() {
      coefficients[neuron * Self.lanes + 2 * position] = 1
      coefficients[neuron * Self.lanes + 2 * position + 1] = -1
    }
    run(from: layer, slopes: slopes)
    concretise()
    for (position, neuron) in neurons.enumerated() {
      let low = value(2 * position)
      let high = -value(2 * position + 1)
      if replacing, low.isFinite, high.isFinite {
        if low > high { return false }
        replace(neuron, lower: low, upper: high)
      } else if !cut(neuron, lower: low, upper: high) {
        return false
      }
    }
    return true
  }

  /// Bounds again everything that is still undecided on this part, in order. False: the part is empty.
  ///
  /// A search by input splits hands only the signs of stable neurons down its tree. Replacing does the same, so that the
  /// lines, which depend on the bounds in steps, come out as they did there; either way every bound is valid.
  func tightenAll(replacing: Bool = false) -> Bool {
    for layer in network.boundedLayers {
      guard encloseImages(of: layer) else { return false }
      let neurons = undecided(layer)
      if neurons.isEmpty { continue }
      refreshLines(below: layer + 1)
      for start in stride(from: 0, to: neurons.count, by: Self.lanes / 2) {
        let batch = neurons[start..<min(neurons.count, start + Self.lanes / 2)]
        guard tighten(batch, of: layer, replacing: replacing) else { return false }
      }
    }
    return true
  }

  /// Where a function or product feeds another one, its image on the part bounds it too.
  private func encloseImages(of layer: Int) -> Bool {
    let flat = network.layers[layer]
    guard flat.kind != CPROOF_AFFINE, flat.kind != CPROOF_INPUT else { return true }
    for offset in 0..<Int(flat.count) {
      let j = Int(flat.first) + offset
      let x = Int(flat.left) + offset
      let image: (Double, Double)
      if let function = network.functions[layer] {
        image = CheckedFunction(function).image(lower[x], upper[x])
      } else {
        let y = Int(flat.right) + offset
        image = CheckedPlane.image(lower[x], upper[x], lower[y], upper[y])
      }
      guard cut(j, lower: image.0, upper: image.1) else { return false }
    }
    return true
  }
}
