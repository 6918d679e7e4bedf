// The two attacks on a panel: Adam for the first lanes, APGD for the others.

import CFalsifier
import Glibc
import Networks

extension Attack {
  /// Follows all lanes. Calls `report` after every step; stops when that returns false or time is over.
  func follow(_ report: (_ step: Int) -> Bool) {
    let adamLanes: Range<Int> =
      switch options.method {
      case .adam: 0..<lanes
      case .apgd: 0..<0
      case .both: 0..<(lanes / 2)
      }
    let apgdLanes = adamLanes.upperBound..<lanes
    var schedule = StepSchedule(lanes: apgdLanes, steps: options.steps)
    for lane in apgdLanes { stepSizes[lane] *= region.stepFactor }
    for index in previous.indices { previous[index] = x[index] }
    for step in 0..<options.steps {
      guard evaluate() else { return }
      keepBest()
      if step > 0 { finishAPGDStep(step, apgdLanes, &schedule) }
      guard report(step), differentiate() else { return }
      takeAdamSteps(step, adamLanes)
      if !apgdLanes.isEmpty {
        cfalsifier_sign_step(
          inputs, lanes, apgdLanes.lowerBound, apgdLanes.upperBound, x, &previous, gradient, region.low, region.high,
          stepSizes, step == 0 ? 1 : 0.75)
      }
      project(0..<lanes)
    }
    if evaluate() {
      keepBest()
      _ = report(options.steps)
    }
  }

  /// Half of the lanes take steps of an eighth of each width, the others smaller ones; both shrink by 1 % a step.
  private func takeAdamSteps(_ step: Int, _ range: Range<Int>) {
    let middle = (range.lowerBound + range.upperBound) / 2
    for (part, rate) in [(range.lowerBound..<middle, Float(0.125)), (middle..<range.upperBound, Float(0.03))]
    where !part.isEmpty {
      let decayed = rate * powf(0.99, Float(step)) * region.stepFactor / (1 - powf(0.9, Float(step + 1)))
      cfalsifier_adam(
        inputs, lanes, part.lowerBound, part.upperBound, x, gradient, &mean, &square, region.low, region.high, decayed,
        1 / (1 - powf(0.999, Float(step + 1))))
    }
  }

  /// Croce & Hein 2020, conditions 1 and 2: at a checkpoint a lane that improved in fewer than three quarters of the
  /// steps, or whose best and step size are those of the last checkpoint, halves its step and goes back to its best. Steps
  /// on a plateau, as a saturated softmax has, count as improvements.
  private func finishAPGDStep(_ step: Int, _ range: Range<Int>, _ schedule: inout StepSchedule) {
    for lane in range {
      if losses[lane] <= schedule.lastLosses[lane - range.lowerBound] {
        schedule.successes[lane - range.lowerBound] += 1
      }
      schedule.lastLosses[lane - range.lowerBound] = losses[lane]
    }
    guard schedule.isCheckpoint(step) else { return }
    for lane in range {
      let place = lane - range.lowerBound
      let isSlow = Float(schedule.successes[place]) < 0.75 * Float(schedule.interval)
      let isStuck =
        schedule.sizes[place] == stepSizes[lane] && schedule.bestLosses[place] == bestLosses[lane]
        && schedule.successes[place] < schedule.interval
      schedule.sizes[place] = stepSizes[lane]
      schedule.bestLosses[place] = bestLosses[lane]
      schedule.successes[place] = 0
      guard isSlow || isStuck else { continue }
      stepSizes[lane] /= 2
      for input in 0..<inputs {
        let index = input * lanes + lane
        x[index] = bestInputs[index]
        previous[index] = bestInputs[index]
      }
    }
    schedule.advance(step)
  }
}

/// The checkpoints of APGD: after 22 % of the steps, then at intervals that shrink by 3 % of the steps to 6 %.
struct StepSchedule {
  private(set) var interval: Int
  private var next: Int
  private let shrink: Int
  private let least: Int
  var successes: [Int]
  var lastLosses: [Float]
  var bestLosses: [Float]
  var sizes: [Float]

  init(lanes: Range<Int>, steps: Int) {
    interval = max(1, Int(0.22 * Double(steps)))
    next = interval
    shrink = max(1, Int(0.03 * Double(steps)))
    least = max(1, Int(0.06 * Double(steps)))
    successes = Array(repeating: 0, count: lanes.count)
    lastLosses = Array(repeating: .infinity, count: lanes.count)
    bestLosses = lastLosses
    sizes = Array(repeating: 0, count: lanes.count)
  }

  func isCheckpoint(_ step: Int) -> Bool { step == next }

  mutating func advance(_ step: Int) {
    interval = max(interval - shrink, least)
    next = step + interval
  }
}
