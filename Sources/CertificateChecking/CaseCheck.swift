import CProofChecking
import Networks
import Synchronization

// One case: root bounds layer by layer, then the walk over its tree on all threads.

final class CaseCheck: @unchecked Sendable {
  let network: CheckedNetwork
  let region: VerificationCase
  let tree: ProofTree
  let budget: Budget
  let threads: Int
  /// Whether `network` has the root's bounds already, from an equal box and equal slopes.
  let rootIsKnown: Bool
  let layerOf: [Int32]
  let consumers: [Int32: [FunctionUse]]
  private(set) var shape: TreeShape?

  struct Outcome {
    var reasons: [String] = []
    var leaves = 0
    var passes = 0
    /// Whether the network has bounds of the whole root.
    var boundedRoot = false
  }

  init(
    _ network: CheckedNetwork, rootIsKnown: Bool, _ region: VerificationCase, _ tree: ProofTree, _ budget: Budget,
    threads: Int
  ) {
    self.network = network
    self.rootIsKnown = rootIsKnown
    self.region = region
    self.tree = tree
    self.budget = budget
    self.threads = threads
    var layerOf = [Int32](repeating: 0, count: network.neuronCount)
    var consumers: [Int32: [FunctionUse]] = [:]
    for (index, layer) in network.network.layers.enumerated() {
      for neuron in layer.neurons { layerOf[neuron] = Int32(index) }
      guard let function = network.functions[index] else { continue }
      let left = Int(network.layers[index].left)
      for (offset, neuron) in layer.neurons.enumerated() {
        consumers[Int32(left + offset), default: []].append(FunctionUse(neuron: neuron, function: function))
      }
    }
    self.layerOf = layerOf
    self.consumers = consumers
  }

  /// Why the case's numbers cannot be worked with, or nil.
  static func problem(of region: VerificationCase, _ network: Network) -> String? {
    let n = network.inputs.count
    guard region.lower.count == n, region.upper.count == n else { return "its box has another number of inputs" }
    for (l, u) in zip(region.lower, region.upper) where !(l.isFinite && u.isFinite && l <= u) {
      return "its box is empty or unbounded"
    }
    if let ball = region.ball {
      guard ball.centre.count == n, ball.centre.allSatisfy(\.isFinite), ball.radius >= 0, ball.radius.isFinite else {
        return "its ball is no ball"
      }
    }
    for row in region.rows + region.inputRows {
      guard row.neurons.count == row.coefficients.count,
        row.neurons.allSatisfy({ $0 >= 0 && $0 < network.neuronCount }),
        row.coefficients.allSatisfy(\.isFinite), row.constant.isFinite, row.coefficientError >= 0
      else { return "a constraint has a number that is not finite" }
    }
    guard region.inputRows.allSatisfy({ $0.neurons.allSatisfy { network.inputs.contains($0) } }) else {
      return "an input constraint speaks about outputs"
    }
    guard region.clauses.allSatisfy({ $0.allSatisfy { region.rows.indices.contains($0) } }) else {
      return "a clause names a row that does not exist"
    }
    return nil
  }

  func run(progress: @escaping @Sendable (Int) -> Void) -> Outcome {
    switch TreeShape.of(tree, region, network.network) {
    case .failure(let problem): return Outcome(reasons: [problem.reason])
    case .success(let shape): self.shape = shape
    }
    let parts = (0..<threads).map { _ in PartBounds(network, ball: region.ball) }
    guard rootIsKnown || boundRoot(parts) else {
      let reason = "The region holds no point, or its bounds contradict each other."
      return Outcome(reasons: [budget.isLate ? "The time was up before the root was bounded." : reason])
    }
    for part in parts { part.adoptRoot() }
    let queue = TaskQueue(threads: threads)
    let everything = parts[0].snapshot
    if case .clauses = tree.nodes[0] {
      var start = 1
      for clause in region.clauses.indices {
        var open = [Bool](repeating: false, count: region.clauses.count)
        open[clause] = true
        queue.push(WalkTask(node: start, bounds: everything, open: open, path: [], onlyClause: clause))
        start = Int(shape!.ends[start])
      }
    } else {
      let open = [Bool](repeating: true, count: region.clauses.count)
      queue.push(WalkTask(node: 0, bounds: everything, open: open, path: [], onlyClause: nil))
    }
    let grain = max(32, tree.nodes.count / (threads * 64))
    let outcome = Mutex(Outcome())
    let visited = Atomic(0)
    Threads.run(threads) { index in
      let walker = TreeWalker(self, parts[index], queue, grain: grain) { count in
        progress(visited.wrappingAdd(count, ordering: .relaxed).newValue)
      }
      while let task = queue.pop() {
        walker.walk(task)
        queue.finished(stop: !walker.reasons.isEmpty)
      }
      outcome.withLock {
        $0.leaves += walker.leaves
        $0.passes += parts[index].passes
        $0.reasons += walker.reasons
      }
    }
    return outcome.withLock {
      $0.boundedRoot = true
      return $0
    }
  }

  /// Root bounds of all neurons, in order; false if the region is proven empty or the time is up.
  private func boundRoot(_ parts: [PartBounds]) -> Bool {
    for (input, neuron) in network.network.inputs.enumerated() {
      var (l, u) = (region.lower[input], region.upper[input])
      if let ball = region.ball {
        l = max(l, (ball.centre[input] - ball.radius).nextDown)
        u = min(u, (ball.centre[input] + ball.radius).nextUp)
      }
      if l > u { return false }
      network.rootLower[neuron] = l
      network.rootUpper[neuron] = u
    }
    network.settle(0)
    var stored: [Int: (lower: Int?, upper: Int?)] = [:]
    for (index, entry) in tree.rootSlopes.enumerated() {
      if entry.isLower { stored[entry.neuron, default: (nil, nil)].lower = index }
      if !entry.isLower { stored[entry.neuron, default: (nil, nil)].upper = index }
    }
    let bounded = Set(network.boundedLayers)
    for layer in network.network.layers.indices.dropFirst() {
      if budget.isLate { return false }
      network.enclose(layer)
      if bounded.contains(layer), !tightenRoot(layer, parts, stored) { return false }
      network.settle(layer)
    }
    return true
  }

  private func tightenRoot(_ layer: Int, _ parts: [PartBounds], _ stored: [Int: (lower: Int?, upper: Int?)]) -> Bool {
    for part in parts { part.adoptRoot() }
    let neurons = parts[0].undecided(layer)
    let next = Atomic(0)
    let isEmpty = Atomic(false)
    let batch = PartBounds.lanes / 2
    let functionNeurons = network.network.layers.reduce(0) { sum, layer in
      if case .affine = layer.relation { return sum }
      return sum + layer.count
    }
    Threads.run(min(threads, max(1, neurons.count / batch))) { index in
      let part = parts[index]
      part.refreshLines(below: layer + 1)
      var slopes = LaneSlopes(
        neurons: stored.isEmpty ? 0 : self.network.neuronCount, capacity: stored.isEmpty ? 1 : functionNeurons)
      defer { slopes.deallocate() }
      while true {
        let start = next.wrappingAdd(batch, ordering: .relaxed).oldValue
        guard start < neurons.count, !isEmpty.load(ordering: .relaxed), !self.budget.isLate else { return }
        let group = neurons[start..<min(neurons.count, start + batch)]
        var usesSlopes = false
        if !stored.isEmpty {
          slopes.clear()
          for (position, neuron) in group.enumerated() {
            guard let entry = stored[neuron] else { continue }
            usesSlopes = true
            for (offset, list) in [entry.lower, entry.upper].enumerated() {
              guard let list else { continue }
              for slope in self.tree.rootSlopes[list].slopes {
                slopes.set(slope, lane: 2 * position + offset, part: part, in: self)
              }
            }
          }
        }
        if !part.tighten(group, of: layer, slopes: usesSlopes ? slopes : nil) {
          isEmpty.store(true, ordering: .relaxed)
        }
      }
    }
    for neuron in neurons {
      for part in parts {
        network.rootLower[neuron] = max(network.rootLower[neuron], part.lower[neuron])
        network.rootUpper[neuron] = min(network.rootUpper[neuron], part.upper[neuron])
      }
    }
    return !isEmpty.load(ordering: .relaxed) && !budget.isLate
  }
}

/// A subtree with the part that it is about.
struct WalkTask {
  var node: Int
  var bounds: [Double]
  var open: [Bool]
  var path: [PathSplit]
  /// Below `clauses`, the clause whose subtree this is.
  var onlyClause: Int?
}

/// A neuron split on the way from the root: z <= at, or z >= at.
struct PathSplit {
  var neuron: Int
  var at: Double
  var isUpper: Bool
}
