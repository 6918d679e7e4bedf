// Functions that are exact compositions of affine rows and elementary functions: extremes, clipping, absolute values.

extension NetworkBuilder {
  /// A sum of elements with signs.
  package struct SignedSum: Sendable {
    package var terms: [(element: Element, sign: Double)]

    package init(_ element: Element) { terms = [(element, 1)] }
  }

  /// The largest (or smallest) element of every group, by a balanced tree of max(a, b) = b + relu(a - b) and
  /// min(a, b) = a - relu(a - b). Groups may have different sizes but none is empty.
  package mutating func extreme(_ name: String, of groups: [[Element]], isMaximum: Bool) -> [Element] {
    var items = groups.map { group -> [SignedSum] in
      var seen = Set<Element>()
      // Equal entries count once, and of several constants one decides.
      var constants: [Double] = []
      var distinct: [Element] = []
      for element in group where seen.insert(element).inserted {
        if let number = constant(of: element) { constants.append(number) } else { distinct.append(element) }
      }
      if let number = isMaximum ? constants.max() : constants.min() { distinct.append(constant(number)) }
      return distinct.map { SignedSum($0) }
    }
    var level = 0
    while items.contains(where: { $0.count > 1 }) {
      level += 1
      var differences: [SignedSum] = []
      for group in items {
        for pair in 0..<group.count / 2 {
          var difference = group[2 * pair]
          difference.terms += group[2 * pair + 1].terms.map { ($0.element, -$0.sign) }
          differences.append(difference)
        }
      }
      let rows = signedSums("\(name).difference\(level)", differences)
      var results = function("\(name).level\(level)", .relu, of: rows).makeIterator()
      items = items.map { group in
        var next: [SignedSum] = []
        for pair in 0..<group.count / 2 {
          var winner = isMaximum ? group[2 * pair + 1] : group[2 * pair]
          winner.terms.append((results.next()!, isMaximum ? 1 : -1))
          next.append(winner)
        }
        if !group.count.isMultiple(of: 2) { next.append(group.last!) }
        return next
      }
    }
    let winners = items.map { $0[0] }
    if winners.allSatisfy({ $0.terms.count == 1 }) { return winners.map { $0.terms[0].element } }
    return signedSums(name, winners)
  }

  /// A layer of signed sums in which no neuron occurs twice; at most one constant in each keeps it exact.
  private mutating func signedSums(_ name: String, _ sums: [SignedSum]) -> [Element] {
    var rows = SparseRows()
    var bias: [Double] = []
    var neurons: [Element] = []
    for sum in sums {
      var number = 0.0
      var entries: [(column: Int, value: Double)] = []
      for (element, sign) in sum.terms {
        if let constant = constant(of: element) {
          number += sign * constant
        } else {
          entries.append((element, sign))
          neurons.append(element)
        }
      }
      rows.append(entries.sorted { $0.column < $1.column })
      bias.append(number)
    }
    return Array(append(name, count: sums.count, .affine(Affine(rows: rows, bias: bias)), reading: layers(of: neurons)))
  }

  /// min(max(x, low), high) with low <= high, either possibly infinite:
  /// low + relu(x - low) - relu(x - high).
  package mutating func clip(_ name: String, _ x: [Element], low: Double, high: Double) -> [Element] {
    let all = { (number: Double) in [Double](repeating: number, count: x.count) }
    let plain = SumTerm(elements: x, mayMerge: false)
    func above(_ limit: Double, _ builder: inout NetworkBuilder, _ part: String) -> SumTerm {
      let shifted = limit == 0 ? x : builder.sum(name + part + "Difference", [plain], constant: all(-limit))
      return SumTerm(elements: builder.function(name + part, .relu, of: shifted), mayMerge: false)
    }
    if low == -.infinity, high == .infinity { return x }
    if low == -.infinity {
      // high - relu(high - x)
      let room = sum(
        name + ".highDifference", [SumTerm(elements: x, factor: -1, mayMerge: false)], constant: all(high))
      let part = function(name + ".high", .relu, of: room)
      return sum(name, [SumTerm(elements: part, factor: -1, mayMerge: false)], constant: all(high))
    }
    let raised = above(low, &self, ".low")
    if high == .infinity { return low == 0 ? raised.elements : sum(name, [raised], constant: all(low)) }
    var excess = above(high, &self, ".high")
    excess.factors = all(-1)
    return sum(name, [raised, excess], constant: all(low))
  }

  /// slope x where x < 0, else x: slope x + (1 - slope) relu(x), or relu(x) - slope relu(-x) where 1 - slope rounds.
  package mutating func leakyReLU(_ name: String, _ x: [Element], slope: Double, merging: Bool) -> [Element] {
    if slope == 1 { return x }
    let positive = function(name + ".positive", .relu, of: x, merging: false)
    if slope == 0 { return positive }
    if addsExactly(1, -slope) {
      return sum(
        name,
        [
          SumTerm(elements: x, factor: slope, mayMerge: false),
          SumTerm(elements: positive, factor: 1 - slope, mayMerge: false),
        ])
    }
    let mirrored = sum(name + ".mirrored", [SumTerm(elements: x, factor: -1, mayMerge: false)])
    let negative = function(name + ".negative", .relu, of: mirrored)
    return sum(
      name,
      [SumTerm(elements: positive, mayMerge: false), SumTerm(elements: negative, factor: -slope, mayMerge: false)])
  }

  /// factor x + constant, entry by entry, where the factors may be rounded: `roundings` of each.
  package mutating func scaled(
    _ name: String, _ x: [Element], by factors: [Double], roundings: Int, plus constants: [Double]? = nil,
    biasError: [Double]? = nil
  ) -> [Element] {
    let rows = SparseRows(
      starts: Array(0...x.count), columns: (0..<Int32(x.count)).map { $0 }, values: factors)
    return affine(
      name, over: x,
      AffineRows(
        rows: rows, bias: constants ?? .init(repeating: 0, count: x.count), coefficientRoundings: roundings,
        biasError: biasError))
  }

  /// The sum (or mean) of every group of equal size.
  package mutating func sums(_ name: String, of groups: [Element], size: Int, isMean: Bool) -> [Element] {
    let count = groups.count / max(size, 1)
    let weight = isMean ? 1 / Double(size) : 1
    let isExact = !isMean || size & (size - 1) == 0
    let rows = SparseRows(
      starts: (0...count).map { $0 * size }, columns: (0..<Int32(groups.count)).map { $0 },
      values: .init(repeating: weight, count: groups.count))
    return affine(
      name, over: groups,
      AffineRows(
        rows: rows, bias: .init(repeating: 0, count: count), coefficientRoundings: isExact ? 0 : 1,
        float32ExtraRoundings: isMean ? 1 : 0))
  }

  /// 1 where a >= b, else 0.
  package mutating func isAtLeast(_ name: String, _ a: [Element], _ b: [Element]) -> [Element] {
    // A single precision subtraction never changes the order of two numbers, but subnormals may be flushed.
    forbidFloat32("comparisons in binary32 (\(name)) are not bounded")
    let difference = sum(
      name + ".difference",
      [SumTerm(elements: a, mayMerge: false), SumTerm(elements: b, factor: -1, mayMerge: false)])
    return function(name, .step, of: difference)
  }

  /// 1 where a equals b, else 0: step(a - b) + step(b - a) - 1.
  package mutating func isEqual(_ name: String, _ a: [Element], _ b: [Element]) -> [Element] {
    let above = isAtLeast(name + ".above", a, b)
    let below = isAtLeast(name + ".below", b, a)
    return sum(
      name, [SumTerm(elements: above, mayMerge: false), SumTerm(elements: below, mayMerge: false)],
      constant: .init(repeating: -1, count: a.count))
  }

  /// 1 - x.
  package mutating func complement(_ name: String, _ x: [Element]) -> [Element] {
    sum(name, [SumTerm(elements: x, factor: -1, mayMerge: false)], constant: .init(repeating: 1, count: x.count))
  }
}
