import CProofChecking
import Networks

// Refutations with joint lines: the backward pass stops above the first ReLU layer, whose neurons are bounded several at
// once from what is held there.

extension TreeWalker {
  /// The bound of a refutation's combination on the part; nil if its lines are no lines of this network.
  ///
  /// A joint line is proven for the coefficients that the pass holds (`JointField`). What the operands' true values may
  /// be off their rows costs |a_j| `charge` as it does for a ReLU's own line, since ReLU does not enlarge it.
  func bound(withJointLines refutation: ProofTree.Refutation, slopes own: LaneSlopes, from top: Int) -> Double? {
    let network = check.network
    guard let first = (0..<network.layerCount).first(where: { network.layers[$0].kind == Int32(CPROOF_RELU) }),
      refutation.jointLines.count <= Int(network.layers[first].count)
    else { return nil }
    part.begin(from: top)
    load(refutation, lane: 0)
    part.run(from: top, to: min(first, top), slopes: own)
    if top >= first {
      guard let fields = takeFields(of: refutation.jointLines, layer: first) else { return nil }
      part.run(from: first, slopes: own)
      guard add(refutation.jointLines, to: fields) else { return nil }
    }
    part.concretise()
    return part.value(0)
  }

  /// Takes the ReLUs that belong to the lines out of the row of lane 0; nil if a line has none.
  private func takeFields(of lines: [ProofTree.JointLine], layer: Int) -> [JointField]? {
    let network = check.network
    let relus = network.layers[layer]
    var fields = lines.map { JointField(inputs: $0.inputs.map(Int.init)) }
    var linesOfInput: [Int: [Int]] = [:]
    var placeOfInput = lines.map { _ in [Int: Int]() }
    for (index, line) in lines.enumerated() {
      for (place, input) in line.inputs.enumerated() {
        linesOfInput[Int(input), default: []].append(index)
        placeOfInput[index][Int(input)] = place
      }
    }
    var used = [Bool](repeating: false, count: lines.count)
    for offset in 0..<Int(relus.count) {
      let (neuron, operand) = (Int(relus.first) + offset, Int(relus.left) + offset)
      let entries = (Int(network.starts[operand])..<Int(network.starts[operand + 1])).filter { network.values[$0] != 0 }
      guard let leading = entries.first,
        let index = linesOfInput[Int(network.columns[leading])]?.first(where: { index in
          entries.allSatisfy { placeOfInput[index][Int(network.columns[$0])] != nil }
        })
      else { continue }
      used[index] = true
      let factor = part.coefficients[neuron * PartBounds.lanes]
      part.coefficients[neuron * PartBounds.lanes] = 0
      part.error[0] += CheckedNetwork.slack * abs(factor) * network.charge[operand]
      if factor == 0 { continue }
      fields[index].add(
        factor, bias: network.bias[operand],
        row: entries.map { (placeOfInput[index][Int(network.columns[$0])]!, network.values[$0]) })
    }
    return used.allSatisfy { $0 } ? fields : nil
  }

  /// Proves the lines on the part and adds them to the row of lane 0; false if one does not hold or time is up.
  private func add(_ lines: [ProofTree.JointLine], to fields: [JointField]) -> Bool {
    let network = check.network
    // The lines' share of an input's coefficient: a sum of `count` numbers, then one more addition.
    var sums: [Int: (value: Double, size: Double, count: Int)] = [:]
    for (line, field) in zip(lines, fields) {
      let slopes = line.slopes.map { Double($0) }
      let proven = field.isAbove(
        (slopes, Double(line.intercept)), lower: field.inputs.map { part.lower[$0] },
        upper: field.inputs.map { part.upper[$0] }, parts: 1 << 20, isLate: { check.budget.isLate })
      guard proven else { return false }
      for (input, slope) in zip(field.inputs, slopes) {
        let known = sums[input, default: (0, 0, 0)]
        sums[input] = (known.value + slope, known.size + abs(slope), known.count + 1)
      }
      part.constant[0] += Double(line.intercept)
      part.size[0] += abs(Double(line.intercept))
    }
    for (input, sum) in sums.sorted(by: { $0.key < $1.key }) {
      let place = input * PartBounds.lanes
      let size = sum.size + abs(part.coefficients[place])
      part.coefficients[place] += sum.value
      part.error[0] +=
        CheckedNetwork.slack * CheckedNetwork.gamma(sum.count + 2) * size * network.magnitude[input]
    }
    return true
  }
}
