// Which ReLU to split: the bounder's scores name candidates, both children of each are bounded without ascent, and the
// candidate whose children gain most wins (filtered smart branching, De Palma et al. 2021).

extension SplitSearchRun {
  /// `depth` slots for every domain, best first; fewer where it has fewer candidates.
  func chooseSlots(_ domains: [SplitDomain], _ depth: Int) async throws -> [[Int32]] {
    let count = settings.candidates
    guard count > 1, depth == 1 else { return domains.map { Array($0.candidates.prefix(depth)) } }
    var items: [SplitItem] = []
    for domain in domains where domain.candidates.count > 1 {
      for slot in domain.candidates.prefix(count) {
        for isActive in [false, true] {
          var item = domain.item
          item.splits.append(Split(slot: slot, isActive: isActive))
          item.multipliers.append(0)
          items.append(item)
        }
      }
    }
    let bounds = try await bounder.bound(items, iterations: 0, deadline: options.deadline)
    var next = 0
    return domains.map { domain in
      guard domain.candidates.count > 1 else { return Array(domain.candidates.prefix(1)) }
      var best: (gain: Double, slot: Int32) = (-.infinity, domain.candidates[0])
      for slot in domain.candidates.prefix(count) {
        let gains = [bounds[next].bound, bounds[next + 1].bound].map { min($0, 0) - domain.bound }
        next += 2
        let gain = max(gains[0], 1e-6) * max(gains[1], 1e-6)
        if gain > best.gain { best = (gain, slot) }
      }
      return [best.slot]
    }
  }
}
