import CProofChecking
import Networks

// Leaves: every open clause must have a row, or a combination of rows, that is positive on the whole part.

extension TreeWalker {
  /// True if every open clause is refuted on the part, or the part holds no point.
  func refutes(_ leaf: ProofTree.Leaf) -> Bool {
    if leaf.recomputesBounds, !part.tightenAll(replacing: replaces) { return true }
    guard verify(leaf) else { return false }
    if isRefuted { return true }
    // Falling short may be a matter of rounding or of another choice of lines: bounds of this part, then smaller parts.
    if !leaf.recomputesBounds {
      guard check.network.neuronCount <= 20_000 else { return false }
      if !part.tightenAll() { return true }
      guard verify(leaf) else { return false }
      if isRefuted { return true }
    }
    return check.network.inputCount <= 64 && bisect(depth: 16)
  }

  /// Closes what the leaf's refutations and the default ones refute; false if the leaf is malformed.
  private func verify(_ leaf: ProofTree.Leaf) -> Bool {
    part.refreshLines(below: check.network.layerCount)
    if !leaf.refutations.isEmpty {
      guard verify(leaf.refutations) else { return false }
      if isRefuted { return true }
    }
    closeByRows(keepForm: true)
    return true
  }

  /// Bounds the rows of open clauses with default lines and closes the clauses that have a positive one.
  func closeByRows(keepForm: Bool) {
    let region = check.region
    var pending = region.clauses.indices.filter { open[$0] }.flatMap { clause in
      region.clauses[clause].map { (clause: clause, row: $0) }
    }
    form = []
    var best: [Int: Double] = [:]
    var worst: Int?
    while !pending.isEmpty {
      let batch = Array(pending.prefix(PartBounds.lanes))
      pending.removeFirst(batch.count)
      start(batch.map { region.rows[$0.row] })
      part.concretise()
      for (lane, item) in batch.enumerated() {
        let value = part.value(lane)
        if value > 0 || (value >= 0 && region.rows[item.row].isStrict) {
          close(item.clause)
        } else if keepForm, open[item.clause], worst == nil || worst == item.clause,
          value > best[item.clause, default: -.infinity]
        {
          worst = item.clause
          best[item.clause] = value
          form = (0..<check.network.inputCount).map { part.coefficients[$0 * PartBounds.lanes + lane] }
        }
      }
      pending.removeAll { !open[$0.clause] }
    }
  }

  /// Pushes up to eight rows back to the inputs, with default lines.
  func start(_ rows: [VerificationCase.Row]) {
    let from = startLayer(rows, [])
    part.begin(from: from)
    for (lane, row) in rows.enumerated() { add(row, weight: 1, terms: 1, lane: lane) }
    part.run(from: from)
  }

  /// Checks stored refutations; false if one is malformed.
  private func verify(_ refutations: [ProofTree.Refutation]) -> Bool {
    let region = check.region
    var items: [(clause: Int, refutation: ProofTree.Refutation)] = []
    for (index, refutation) in refutations.enumerated() {
      let clause = onlyClause ?? index
      guard refutation.rows.allSatisfy({ region.clauses[clause].contains($0.row) }),
        refutation.splitMultipliers.count <= path.count
      else { return false }
      if open[clause], refutation.jointLines.isEmpty { items.append((clause, refutation)) }
      if open[clause], !refutation.jointLines.isEmpty {
        let used = refutation.rows.map { region.rows[$0.row] }
        var own = slopes.fresh()
        defer { slopes.giveBack(own) }
        for slope in refutation.slopes { own.set(slope, lane: 0, part: part, in: check) }
        guard let value = bound(withJointLines: refutation, slopes: own, from: startLayer(used, path)) else {
          return false
        }
        close(clause, by: refutation, value)
      }
    }
    for start in stride(from: 0, to: items.count, by: PartBounds.lanes) {
      let batch = items[start..<min(items.count, start + PartBounds.lanes)]
      let used = batch.flatMap { item in item.refutation.rows.map { region.rows[$0.row] } }
      let from = startLayer(used, path)
      part.begin(from: from)
      var own = slopes.fresh()
      defer { slopes.giveBack(own) }
      for (lane, item) in batch.enumerated() {
        load(item.refutation, lane: lane)
        for slope in item.refutation.slopes { own.set(slope, lane: lane, part: part, in: check) }
      }
      part.run(from: from, slopes: own)
      part.concretise()
      for (lane, item) in batch.enumerated() {
        close(item.clause, by: item.refutation, part.value(lane))
      }
    }
    return true
  }

  /// Closes a clause if the value of a combination of its rows refutes it.
  private func close(_ clause: Int, by refutation: ProofTree.Refutation, _ value: Double) {
    let rows = refutation.rows.filter { $0.weight > 0 }
    let isStrict = !rows.isEmpty && rows.allSatisfy { check.region.rows[$0.row].isStrict }
    if value > 0 || (value >= 0 && isStrict) { close(clause) }
  }

  /// Cuts neurons by bounds that hold where the clause is violated, all computed with the lines of before; false if the
  /// part holds no such point, nil if the list is malformed.
  func cut(_ list: [ProofTree.NeuronBound]) -> Bool? {
    let region = check.region
    guard let clause = onlyClause ?? (region.clauses.count == 1 ? 0 : nil) else { return nil }
    guard
      list.allSatisfy({ bound in
        bound.terms.rows.allSatisfy { region.clauses[clause].contains($0.row) }
          && bound.terms.splitMultipliers.count <= path.count
      })
    else { return nil }
    part.refreshLines(below: check.network.layerCount)
    var found: [Double] = []
    for start in stride(from: 0, to: list.count, by: PartBounds.lanes) {
      let batch = list[start..<min(list.count, start + PartBounds.lanes)]
      let rows = batch.map { bound in
        VerificationCase.Row(neurons: [bound.neuron], coefficients: [bound.isLower ? 1 : -1], constant: 0)
      }
      let from = startLayer(rows + batch.flatMap { bound in bound.terms.rows.map { region.rows[$0.row] } }, path)
      part.begin(from: from)
      var own = slopes.fresh()
      defer { slopes.giveBack(own) }
      for (lane, bound) in batch.enumerated() {
        load(bound.terms, lane: lane, more: rows[lane])
        for slope in bound.terms.slopes { own.set(slope, lane: lane, part: part, in: check) }
      }
      part.run(from: from, slopes: own)
      part.concretise()
      for lane in batch.indices { found.append(part.value(lane - batch.startIndex)) }
    }
    for (bound, value) in zip(list, found) where value.isFinite {
      let isLeft =
        bound.isLower ? part.cut(bound.neuron, lower: value) : part.cut(bound.neuron, upper: -value)
      if !isLeft { return false }
    }
    return true
  }

  /// Loads a combination of rows; `more` is added to it as it is.
  func load(_ refutation: ProofTree.Refutation, lane: Int, more: VerificationCase.Row? = nil) {
    let region = check.region
    let terms =
      refutation.rows.count + refutation.inputMultipliers.count + refutation.splitMultipliers.count
      + (more == nil ? 0 : 1)
    if let more { add(more, weight: 1, terms: terms, lane: lane) }
    for (row, weight) in refutation.rows { add(region.rows[row], weight: Double(weight), terms: terms, lane: lane) }
    for (row, multiplier) in zip(region.inputRows, refutation.inputMultipliers) {
      // phi_in <= 0 on the region.
      add(row, weight: Double(multiplier), terms: terms, lane: lane)
    }
    for (split, multiplier) in zip(path, refutation.splitMultipliers) {
      // z - p <= 0 on the lower half, p - z <= 0 on the upper one.
      let sign: Double = split.isUpper ? -1 : 1
      let row = VerificationCase.Row(neurons: [split.neuron], coefficients: [sign], constant: 0)
      add(row, weight: Double(multiplier), terms: terms, lane: lane)
      addConstant(-sign * split.at, weight: Double(multiplier), terms: terms, lane: lane)
    }
  }

  /// Adds weight * row to a lane's row of `terms` such parts, and what the roundings cost.
  private func add(_ row: VerificationCase.Row, weight: Double, terms: Int, lane: Int) {
    let network = check.network
    for (neuron, coefficient) in zip(row.neurons, row.coefficients) where coefficient != 0 && weight != 0 {
      let part = weight * coefficient
      self.part.coefficients[neuron * PartBounds.lanes + lane] += part
      let relative = CheckedNetwork.gamma(terms + 2) + row.coefficientError * (1 + 0x1p-20)
      self.part.error[lane] +=
        CheckedNetwork.slack * abs(part) * (relative * network.magnitude[neuron] + network.gain[neuron])
    }
    addConstant(row.constant, weight: weight, terms: terms, lane: lane)
  }

  private func addConstant(_ constant: Double, weight: Double, terms: Int, lane: Int) {
    let term = weight * constant
    part.constant[lane] += term
    part.size[lane] += abs(term)
    part.error[lane] += CheckedNetwork.slack * CheckedNetwork.gamma(2 * terms + 4) * abs(term)
  }

  private func startLayer(_ rows: [VerificationCase.Row], _ splits: [PathSplit]) -> Int {
    var layer: Int32 = 0
    for row in rows { for neuron in row.neurons { layer = max(layer, check.layerOf[neuron]) } }
    for split in splits { layer = max(layer, check.layerOf[split.neuron]) }
    return Int(layer)
  }

  // MARK: cutting parts

  /// Clips the part and cuts it in two where the best row loses most, a few times; true if all pieces are refuted.
  ///
  /// Bounds by lines are not monotone: with slightly tighter bounds the default slopes may turn out otherwise than in the
  /// search, and a clip may cut less. Smaller parts mend that; what is proven this way is proven like anything else.
  private func bisect(depth: Int) -> Bool {
    guard depth > 0, !check.budget.isLate, check.budget.takeBisection() else { return false }
    guard clip() else { return true }
    let inputs = check.network.inputCount
    let largest = form.reduce(0) { max($0, abs($1)) }
    var axis = -1
    var most = 0.0
    for input in 0..<inputs {
      let width = part.upper[input] - part.lower[input]
      let weight = form.isEmpty ? 1 : max(abs(form[input]), 0.2 * largest)
      if width * weight > most { (axis, most) = (input, width * weight) }
    }
    guard axis >= 0 else { return false }
    let (l, u) = (part.lower[axis], part.upper[axis])
    let middle = l + 0.5 * (u - l)
    guard middle > l, middle < u else { return false }
    let (mark, closedCount) = (part.log.count, closed.count)
    for isUpper in [false, true] {
      let isLeft = isUpper ? part.cut(axis, lower: middle) : part.cut(axis, upper: middle)
      if isLeft, cutByInputConstraints(), part.tightenAll() {
        part.refreshLines(below: check.network.layerCount)
        closeByRows(keepForm: true)
        guard isRefuted || bisect(depth: depth - 1) else { return false }
      }
      part.undo(to: mark)
      while closed.count > closedCount { open[closed.removeLast()] = true }
    }
    return true
  }
}
