// Bounds of a group of rows, plain or after steps of Adam on slopes and multipliers.

/// Runs a loaded state: backward passes, each followed by a forward pass with an ascent step while there is time.
struct GatherAscent {
  let plan: GatherPlan
  /// The deadline is looked at before every pass.
  var deadline: ContinuousClock.Instant?
  var rates: AscentRates
  /// What cuts the box, if anything does.
  var ball: GatherBall?

  /// What is known about one row.
  struct Outcome {
    /// phi >= bound; NaN: no bound.
    var bound: Double = -.infinity
    var estimate: Double = -.infinity
  }

  /// The bound of one lane: C - (1 + 2^-20) E - Omega, rounded down (soundness.md 1.5).
  ///
  /// Every summand of C is a private sum, added in binary64: n additions err by at most n 2^-53 times the sum of the
  /// magnitudes, which is charged with a factor 2 to spare.
  func outcome(_ start: GatherPlan.Start, _ sums: GatherState.Sums, inputError: Double = 0) -> Outcome {
    let total = start.constant + sums.constant
    guard plan.isRoundingSafe else { return Outcome(bound: total, estimate: total) }
    var error = sums.error + start.error + inputError
    if !plan.omitted.contains(.constant) {
      error += Double(plan.blockCount + 8) * 0x1p-52 * (sums.magnitude + abs(start.constant))
    }
    // 2^-19 in place of 2^-20 pays for the roundings of this line and of the sums of E.
    error = (error * (1 + 0x1p-19) + plan.floor).nextUp
    let bound = (total - error).nextDown
    return Outcome(bound: total.isFinite && error.isFinite ? bound : .nan, estimate: total)
  }

  /// The bound of one lane; where a ball cuts the box, leaves the minimiser in the state.
  private func outcome(_ start: GatherPlan.Start, _ lane: Int, _ state: GatherState) -> Outcome {
    var sums = state.sums(lane)
    guard let ball else { return outcome(start, sums) }
    let minimum = ball.minimum(state.inputs(lane, rows: plan.inputRowOfInput))
    state.setInputs(lane, rows: plan.inputRowOfInput, minimum.point)
    sums.constant += minimum.estimate
    sums.magnitude += abs(minimum.estimate)
    return outcome(start, sums, inputError: minimum.error)
  }

  /// Bounds the lanes of a state for `starts`; the state is left with the parameters, coefficients and choices of each
  /// lane's best bound. Ends early when `isDone` says so of all lanes' bounds.
  func run(
    _ state: GatherState, _ starts: [GatherPlan.Start], iterations: Int, isDone: (Int, Double) -> Bool
  ) -> [Outcome] {
    let count = starts.count
    var best = [Outcome](repeating: Outcome(), count: count)
    if let deadline, ContinuousClock.now >= deadline { return best }
    var isBest = [Bool](repeating: false, count: state.items)
    var step = 0
    while true {
      state.backward()
      var open = 0
      for lane in 0..<count {
        let now = outcome(starts[lane], lane, state)
        // The first bound counts even if it is NaN or -infinity.
        isBest[lane] = step == 0 || now.bound > best[lane].bound || (best[lane].bound.isNaN && !now.bound.isNaN)
        if isBest[lane] { best[lane] = now }
        if !isDone(lane, best[lane].bound) { open += 1 }
      }
      if open == 0 || step >= iterations { break }
      if let deadline, ContinuousClock.now >= deadline { break }
      state.forward(step: step, of: iterations, rates, isImproved: isBest)
      step += 1
    }
    if step > 0, isBest[..<count].contains(false) {
      state.restoreBest(except: isBest)
      state.backward()
      for lane in 0..<count where ball != nil { _ = outcome(starts[lane], lane, state) }
    }
    return best
  }
}
