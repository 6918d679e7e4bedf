import Networks

// The walk over a subtree, in the order of its nodes, without recursion: a tree may be as deep as it likes.

final class TreeWalker {
  let check: CaseCheck
  let part: PartBounds
  let slopes: LaneSlopesBox
  /// Made when a tree has quadratic bounds.
  lazy var quadratic = QuadraticModels(check.network, rows: check.region.rows)
  private let queue: TaskQueue
  private let grain: Int
  private let report: (Int) -> Void
  private(set) var reasons: [String] = []
  private(set) var leaves = 0

  /// Clauses that are not refuted on the whole part yet, and what was closed on the way.
  var open: [Bool] = []
  var closed: [Int] = []
  var path: [PathSplit] = []
  var onlyClause: Int?
  /// The linear form of the best row of the least refuted clause, for cutting a part in two.
  var form: [Double] = []

  private struct Frame {
    var mark: Int
    var closedCount: Int
    var pathCount: Int
    /// The split whose second half is still to come; nil: nothing is left here.
    var pending: ProofTree.Node?
    /// The place behind the whole split.
    var end: Int
    var sinceBound: Int
  }

  init(_ check: CaseCheck, _ part: PartBounds, _ queue: TaskQueue, grain: Int, report: @escaping (Int) -> Void) {
    self.check = check
    self.part = part
    self.queue = queue
    self.grain = grain
    self.report = report
    slopes = LaneSlopesBox(check.network)
  }

  func walk(_ task: WalkTask) {
    let nodes = check.tree.nodes
    let shape = check.shape!
    part.adopt(task.bounds)
    open = task.open
    closed.removeAll()
    path = task.path
    onlyClause = task.onlyClause
    var frames: [Frame] = []
    var cursor = task.node
    var isEmpty = !cutByInputConstraints() || isRefuted
    // Bounds are computed for inner nodes too, so that their leaves start from fewer undecided neurons: as often as a
    // search by input splits does it, else every third level.
    let rest = replaces ? 1 : 2
    var sinceBound = rest
    var counted = 0
    while true {
      if check.budget.isLate {
        reasons.append("The time was up before the tree was checked.")
        return
      }
      if cursor & 15 == 0, queue.hasStopped { return }
      var isDone = true
      let start = cursor
      if isEmpty {
        // Refuted above, as one part.
        leaves += 1
        cursor = Int(shape.ends[cursor])
      } else {
        let node = nodes[cursor]
        switch node {
        case .leaf(let leaf):
          leaves += 1
          if !refutes(leaf) {
            reasons.append("Node \(cursor) is a leaf on whose part not every clause is refuted.")
            return
          }
          cursor += 1
        case .clip:
          isEmpty = !clip(replacing: replaces)
          sinceBound = 0
          cursor += 1
          isDone = false
        case .quadratic(let combinations):
          isEmpty = !clip(by: combinations)
          cursor += 1
          isDone = false
        case .bounds:
          isEmpty = !part.tightenAll()
          cursor += 1
          isDone = false
        case .neuronBounds(let list):
          guard let isLeft = cut(list) else {
            reasons.append("Node \(cursor) bounds neurons by what is not the clause's.")
            return
          }
          isEmpty = !isLeft
          cursor += 1
          isDone = false
        case .splitInput, .splitNeuron:
          if shape.computesBounds[cursor], replaces || Int(shape.ends[cursor]) - cursor > 5 {
            sinceBound += 1
            if sinceBound > rest {
              isEmpty = !part.tightenAll(replacing: replaces)
              sinceBound = replaces ? 1 : 0
            }
          }
          isDone = false
          if isEmpty { break }
          var frame = Frame(
            mark: part.log.count, closedCount: closed.count, pathCount: path.count, pending: node,
            end: Int(shape.ends[cursor]), sinceBound: sinceBound)
          let right = Int(shape.ends[cursor + 1])
          if Int(shape.ends[cursor]) - right > grain, queue.isHungry {
            if enter(node, isUpper: true) {
              queue.push(
                WalkTask(node: right, bounds: part.snapshot, open: open, path: path, onlyClause: onlyClause))
            }
            part.undo(to: frame.mark)
            path.removeLast(path.count - frame.pathCount)
            frame.pending = nil
          }
          frames.append(frame)
          isEmpty = !enter(node, isUpper: false)
          cursor += 1
        case .clauses:
          reasons.append("Node \(cursor) separates clauses below the root.")
          return
        }
      }
      counted += cursor - start
      if counted >= 256 {
        report(counted)
        counted = 0
      }
      guard isDone else { continue }
      // The subtree before `cursor` is finished: go on with the nearest second half.
      while let frame = frames.last {
        part.undo(to: frame.mark)
        while closed.count > frame.closedCount { open[closed.removeLast()] = true }
        path.removeLast(path.count - frame.pathCount)
        sinceBound = frame.sinceBound
        if let node = frame.pending {
          frames[frames.count - 1].pending = nil
          isEmpty = !enter(node, isUpper: true)
          break
        }
        // A second half that went to another thread is passed over.
        cursor = frame.end
        frames.removeLast()
      }
      if frames.isEmpty {
        report(counted)
        return
      }
    }
  }

  /// Whether bounds follow a search by input splits to the letter; cuts of neurons and curves need the tighter ones.
  var replaces: Bool { path.isEmpty && check.network.curvedLayers.isEmpty }

  /// Whether every clause is closed.
  var isRefuted: Bool { !open.contains(true) }

  func close(_ clause: Int) {
    guard open[clause] else { return }
    open[clause] = false
    closed.append(clause)
  }

  /// Goes into one closed half of a split; false if it is proven empty.
  private func enter(_ node: ProofTree.Node, isUpper: Bool) -> Bool {
    switch node {
    case .splitInput(let input, let at):
      let neuron = check.network.network.inputs.lowerBound + input
      let isLeft = isUpper ? part.cut(neuron, lower: at) : part.cut(neuron, upper: at)
      return isLeft && cutByInputConstraints() && !isRefuted
    case .splitNeuron(let neuron, let at):
      path.append(PathSplit(neuron: neuron, at: at, isUpper: isUpper))
      return isUpper ? part.cut(neuron, lower: at) : part.cut(neuron, upper: at)
    default: return true
    }
  }
}

/// A thread's room for stored slopes, made when a leaf brings some.
final class LaneSlopesBox {
  private let network: CheckedNetwork
  private var held: LaneSlopes?

  init(_ network: CheckedNetwork) { self.network = network }

  deinit { held?.deallocate() }

  /// Empty slopes.
  func fresh() -> LaneSlopes {
    if held == nil {
      let capacity = network.network.layers.reduce(0) { sum, layer in
        if case .affine = layer.relation { return sum }
        return sum + layer.count
      }
      held = LaneSlopes(neurons: network.neuronCount, capacity: capacity)
    }
    held!.clear()
    let result = held!
    held = nil
    return result
  }

  func giveBack(_ slopes: LaneSlopes) { held = slopes }
}
