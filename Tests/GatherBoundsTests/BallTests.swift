// Regions that are a ball cut by a box: no point escapes, and the bound is better than that of the box around the ball.

import BranchAndBound
import GatherBounds
import Networks
import TestSupport
import Testing

@Suite struct BallTests {
  @Test(arguments: [Property.Ball.Norm.l1, .l2]) func noPointOfTheBallEscapes(_ norm: Property.Ball.Norm) async throws {
    var better = 0
    for seed: UInt64 in 1...12 {
      let network = seed % 3 == 0 ? RandomNetworks.residual(seed: seed) : RandomNetworks.dense(seed: seed)
      var verificationCase = RandomNetworks.verificationCase(network, radius: 0.3, seed: seed)
      var generator = SeededGenerator(seed: seed)
      let centre = zip(verificationCase.lower, verificationCase.upper).map { low, high in
        low + (high - low) * Double.random(in: 0.1...0.9, using: &generator)
      }
      let radius = norm == .l1 ? 0.5 : 0.35
      verificationCase.ball = VerificationCase.Ball(norm: norm, centre: centre, radius: radius)
      let points = (0..<300).map { index in
        let direction = centre.indices.map { _ in Double.random(in: -1...1, using: &generator) }
        // Some points move few inputs, where an l1 ball has its corners.
        let sparse = direction.enumerated().map { index % 3 == 0 && $0 != index % direction.count ? 0 : $1 }
        let size =
          norm == .l1
          ? sparse.reduce(0) { $0 + abs($1) } : sparse.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return centre.indices.map { i in
          min(
            max(centre[i] + sparse[i] * radius * 0.9999999 / size, verificationCase.lower[i]), verificationCase.upper[i]
          )
        }
      }
      for precision in GatherPrecision.allCases {
        let bounder = try await GatherBounder(network, verificationCase, GatherOptions(precision: precision))
        var box = verificationCase
        box.ball = nil
        for i in centre.indices {
          box.lower[i] = max(box.lower[i], centre[i] - radius)
          box.upper[i] = min(box.upper[i], centre[i] + radius)
        }
        let around = try await GatherBounder(network, box, GatherOptions(precision: precision))
        let items = verificationCase.rows.indices.map { SplitItem(row: $0) }
        for iterations in [0, 5] {
          let bounds = try await bounder.bound(items, iterations: iterations, deadline: EscapeTests.far)
          let loose = try await around.bound(items, iterations: iterations, deadline: EscapeTests.far)
          for point in points {
            let values = network.evaluate(point)
            for (row, bound) in zip(verificationCase.rows, bounds) {
              #expect(bound.bound <= EscapeTests.value(row, values), "seed \(seed), \(precision)")
            }
            for neuron in values.indices {
              #expect(bounder.lower[neuron] <= values[neuron] && values[neuron] <= bounder.upper[neuron])
            }
          }
          for (bound, other) in zip(bounds, loose) where bound.bound > other.bound + 0.01 { better += 1 }
        }
      }
    }
    #expect(better > 100)
  }
}
