// Gradient ascent on slopes and split multipliers of one item, by the closed-form gradients of soundness.md section 3:
// with a the coefficient at the ReLU and z the value that reaches it from the minimiser, d/dslope = a z where a > 0 on
// unstable neurons, d/dmultiplier = -s z (s = 1 for z >= 0, -1 for z <= 0). Steps by Adam (Kingma and Ba 2015).

import Glibc
import Networks

/// One worker's ascent.
final class SlopeAscent {
  /// The step of a slope, which lies in [0, 1].
  static let slopeRate = 0.1
  /// The step of a multiplier, in units of the mean coefficient of the items' slots.
  static let multiplierRate = 0.1
  /// Both shrink by this factor after every step.
  static let decay = 0.98

  private let bounder: ReferenceSplitBounder
  private let pass: ReferencePass
  private let top: Int

  init(_ bounder: ReferenceSplitBounder) {
    self.bounder = bounder
    pass = ReferencePass(bounder.network, ball: bounder.ball, isRoundingSafe: bounder.isRoundingSafe)
    top = bounder.network.layers.count - 1
  }

  func bound(_ item: SplitItem, iterations: Int, deadline: ContinuousClock.Instant) -> SplitBound {
    var slopes = item.slopes.isEmpty ? defaultSlopes() : item.slopes
    var multipliers = item.multipliers + Array(repeating: 0, count: item.splits.count - item.multipliers.count)
    let form = bounder.form([(item.row, 1)])
    var result = SplitBound(
      bound: -.infinity, estimate: -.infinity, slopes: slopes, multipliers: multipliers, scores: [], minimizer: [])
    var isSplit = Array(repeating: false, count: slopes.count)
    for split in item.splits { isSplit[Int(split.slot)] = true }
    let free = slopes.indices.filter { !isSplit[$0] }
    var first = [Double](repeating: 0, count: slopes.count + multipliers.count)
    var second = first
    var scale = 0.0
    var (slopeRate, multiplierRate) = (Self.slopeRate, Self.multiplierRate)
    defer { clear(item) }
    for step in 0...max(0, iterations) {
      guard ContinuousClock.now < deadline || step == 0 else { break }
      set(item, slopes, multipliers)
      let (bound, estimate) = pass.backward(form, fromLayer: top)
      if step == 0 || bound > result.bound {
        result.bound = bound
        result.estimate = estimate
        result.slopes = slopes
        result.multipliers = multipliers
        result.minimizer = pass.minimizer
        result.scores = scores(free)
      }
      if bounder.isStrict[item.row] ? bound >= 0 : bound > 0 { break }
      guard step < iterations else { break }
      pass.forwardPass(toLayer: top)
      if step == 0 {
        for slot in slopes.indices { scale += pass.coefficients[bounder.slotOutputs[slot]].magnitude }
        scale /= Double(max(1, slopes.count))
      }
      let correction = (1 - pow(0.9, Double(step + 1)), 1 - pow(0.999, Double(step + 1)))
      func direction(_ index: Int, _ gradient: Double) -> Double {
        first[index] = 0.9 * first[index] + 0.1 * gradient
        second[index] = 0.999 * second[index] + 0.001 * gradient * gradient
        return first[index] / correction.0 / ((second[index] / correction.1).squareRoot() + 1e-8)
      }
      for slot in free {
        let moved = Double(slopes[slot]) + slopeRate * direction(slot, slopeGradient(slot))
        slopes[slot] = Float(min(max(moved, 0), 1))
      }
      for (index, split) in item.splits.enumerated() {
        let step = direction(slopes.count + index, multiplierGradient(split))
        multipliers[index] = Float(max(0, Double(multipliers[index]) + multiplierRate * scale * step))
      }
      slopeRate *= Self.decay
      multiplierRate *= Self.decay
    }
    return result
  }

  /// d/dslope of the last pass.
  private func slopeGradient(_ slot: Int) -> Double {
    let a = pass.coefficients[bounder.slotOutputs[slot]]
    return a > 0 ? a * pass.forward[bounder.slotPositions[slot]] : 0
  }

  /// d/dmultiplier of the last pass.
  private func multiplierGradient(_ split: Split) -> Double {
    let z = pass.forward[bounder.slotPositions[Int(split.slot)]]
    return split.isActive ? -z : z
  }

  /// The bound before errors of one item, and its gradient in the slopes (or multipliers) of all slots.
  func gradient(_ item: SplitItem) -> (estimate: Double, gradient: [Float]) {
    defer { clear(item) }
    set(item, item.slopes, item.multipliers)
    let estimate = pass.backward(bounder.form([(item.row, 1)]), fromLayer: top).estimate
    pass.forwardPass(toLayer: top)
    var result = bounder.slots.indices.map { Float(slopeGradient($0)) }
    for split in item.splits { result[Int(split.slot)] = Float(multiplierGradient(split)) }
    return (estimate, result)
  }

  /// The bound of a form with an item's lines as they are.
  func bound(_ form: ReferencePass.Form, _ item: SplitItem) -> Double {
    defer { clear(item) }
    set(
      item, item.slopes.isEmpty ? defaultSlopes() : item.slopes,
      item.multipliers + Array(repeating: 0, count: item.splits.count - item.multipliers.count))
    return pass.backward(form, fromLayer: top).bound
  }

  private func defaultSlopes() -> [Float] {
    bounder.slots.map { bounder.upper[$0] > -bounder.lower[$0] ? 1 : 0 }
  }

  private func set(_ item: SplitItem, _ slopes: [Float], _ multipliers: [Float]) {
    for (slot, slope) in slopes.enumerated() {
      pass.slope[bounder.slotPositions[slot]] = Double(min(max(slope, 0), 1))
    }
    for (split, multiplier) in zip(item.splits, multipliers) {
      let neuron = bounder.slotPositions[Int(split.slot)]
      pass.split[neuron] = split.isActive ? 1 : -1
      pass.multiplier[neuron] = Double(max(multiplier, 0))
    }
  }

  private func clear(_ item: SplitItem) {
    for split in item.splits { pass.split[bounder.slotPositions[Int(split.slot)]] = 0 }
  }

  /// What the upper line's intercept costs, |min(a, 0)| u (-l) / (u - l), by slot.
  private func scores(_ free: [Int]) -> [Float] {
    var scores = [Float](repeating: 0, count: bounder.slots.count)
    for slot in free {
      let l = bounder.lower[bounder.slots[slot]]
      let u = bounder.upper[bounder.slots[slot]]
      scores[slot] = Float(max(0, -pass.coefficients[bounder.slotOutputs[slot]]) * u * -l / (u - l))
    }
    return scores
  }
}
