// Binds the open dimensions of a graph, infers every shape, proves that no operator mixes the samples of a batch and
// computes what does not depend on the inputs.

import Compute
import Tensors

extension Graph {
  /// The graph for `batch` samples at a time; nil keeps it as it was declared, open dimensions being 1.
  ///
  /// A leading dimension that is open becomes the batch. Where the model fixes it to 1, it becomes the batch as well:
  /// first of the inputs without which no input has one, then of all inputs. The result is only given if every operator
  /// is shown to treat the samples separately and equally; else the first node that does not is named. `dimensions`
  /// gives extents for the other open dimensions by name.
  public func shaped(batch: Int?, dimensions: [String: Int] = [:]) throws(GraphError) -> ShapedGraph {
    guard let batch else { return try infer(sizes: bind(batch: nil, inputs: [], dimensions), batch: nil, against: nil) }
    guard batch > 0 else { throw .batch(reason: "the batch must have at least one sample, not \(batch)") }
    let open = inputs.indices.filter { if case .symbolic? = inputs[$0].dimensions.first { true } else { false } }
    let single = inputs.indices.filter { inputs[$0].dimensions.first == .fixed(1) }
    var candidates = [open, open + single].filter { !$0.isEmpty }
    if open.isEmpty || single.isEmpty { candidates = Array(candidates.prefix(1)) }
    guard !candidates.isEmpty else {
      let shapes = inputs.map { "\($0.name) \($0.dimensions)" }.joined(separator: ", ")
      throw .batch(reason: "no input has a leading dimension that is open or 1 (\(shapes))")
    }
    var first: GraphError?
    for candidate in candidates {
      do throws(GraphError) {
        return try shaped(batch: batch, along: Set(candidate), dimensions)
      } catch {
        first = first ?? error
      }
    }
    if case .node(let name, let operatorName, let reason)? = first,
      (try? shaped(batch: nil, dimensions: dimensions)) != nil
    {
      throw .batch(reason: "with several samples at a time, node \(name) (\(operatorName)) fails: \(reason)")
    }
    throw first!
  }

  /// The graph as it was declared, but float arithmetic on constants stays in it, since computing it in advance would
  /// round.
  package func shapedUnrounded(dimensions: [String: Int]) throws(GraphError) -> ShapedGraph {
    try infer(sizes: bind(batch: nil, inputs: [], dimensions), batch: nil, against: nil, foldsArithmetic: false)
  }

  private func shaped(
    batch: Int, along batched: Set<Int>, _ dimensions: [String: Int]
  ) throws(GraphError) -> ShapedGraph {
    // One more sample shows which constants depend on the size of the batch, and a single sample hides mixing.
    let larger = try infer(
      sizes: bind(batch: batch + 1, inputs: batched, dimensions), batch: batch + 1, against: nil)
    return try infer(sizes: bind(batch: batch, inputs: batched, dimensions), batch: batch, against: larger)
  }

  private func bind(
    batch: Int?, inputs batched: Set<Int>, _ dimensions: [String: Int]
  ) throws(GraphError) -> [Fact] {
    var facts: [Fact] = []
    for (index, input) in inputs.enumerated() {
      let isBatched = batch != nil && batched.contains(index)
      var shape: [Int] = []
      for (axis, dimension) in input.dimensions.enumerated() {
        switch dimension {
        case _ where axis == 0 && isBatched: shape.append(batch!)
        case .fixed(let extent): shape.append(extent)
        case .symbolic(let name):
          if let extent = dimensions[name] {
            shape.append(extent)
          } else if axis == 0 {
            shape.append(1)
          } else {
            throw .input(
              name: input.name,
              reason: "its dimension \(axis) (\(dimension)) is open; a size for it must be given")
          }
        }
      }
      guard shape.allSatisfy({ $0 > 0 }) else {
        throw .input(name: input.name, reason: "its shape \(shape) has a dimension that is not positive")
      }
      guard Fact(shape: shape, type: input.type).hasUsableSize else {
        throw .input(name: input.name, reason: "its shape \(shape) is too large")
      }
      facts.append(Fact(shape: shape, type: input.type, batchAxis: isBatched ? 0 : nil))
    }
    return facts
  }

  private func infer(
    sizes: [Fact], batch: Int?, against larger: ShapedGraph?, foldsArithmetic: Bool = true
  ) throws(GraphError) -> ShapedGraph {
    var facts = [Fact?](repeating: nil, count: valueNames.count)
    for (value, tensor) in constants { facts[value] = Fact(constant: tensor) }
    for (input, fact) in zip(inputs, sizes) { facts[input.value] = fact }
    var kept: [GraphNode] = []
    for node in nodes {
      let operands = node.inputs.map { $0.flatMap { facts[$0] } }
      for (position, value) in node.inputs.enumerated() where value != nil && operands[position] == nil {
        throw .malformed("node \(node.name) reads \(valueNames[value!]), which nothing writes before it")
      }
      do {
        var results = try node.operation.infer(operands)
        if let large = results.first(where: { !$0.hasUsableSize }) {
          throw OperatorError("its result has the shape \(large.shape), which is too large")
        }
        let isKnown = operands.allSatisfy { $0 == nil || $0!.constant != nil }
        var contents = node.operation.known(operands)
        let isExact = node.operation.isMovement || !results.contains { $0.type.isFloat }
        if contents == nil, isKnown, foldsArithmetic || isExact,
          results.allSatisfy({ $0.count <= Self.largestFolded })
        {
          contents =
            try larger?.contents(of: node, operands: operands)
            ?? node.operation.evaluate(operands.map { $0?.constant })
        }
        if let contents {
          var mayDepend = operands.contains { $0?.batchAxis != nil }
          for (position, operand) in operands.enumerated() where operand?.mayDependOnBatchSize == true {
            if !node.operation.readsOnlyShape(from: position) { mayDepend = true }
          }
          for (index, content) in contents.enumerated() where index < results.count {
            results[index] = Fact(constant: content)
            results[index].dependsOnBatchSize = mayDepend
          }
        } else {
          var node = node
          node.operation = node.operation.bound(to: results)
          kept.append(node)
        }
        for (position, value) in node.outputs.enumerated() {
          guard let value else { continue }
          guard position < results.count else {
            throw OperatorError("its output \(position + 1) is not supported")
          }
          var result = results[position]
          if result.dependsOnBatchSize, let other = larger?.facts[value], let content = result.constant,
            let otherContent = other.constant, content.shape == otherContent.shape,
            content.hasEqualBytes(otherContent)
          {
            result.dependsOnBatchSize = false
          }
          // While the larger batch is inferred nothing is known yet about what depends on its size.
          result.mayDependOnBatchSize = result.dependsOnBatchSize
          if larger == nil, batch != nil { result.dependsOnBatchSize = false }
          facts[value] = result
        }
      } catch let error as OperatorError {
        if error.mixesSamples {
          throw .batch(reason: "node \(node.name) (\(node.operatorName)): \(error.description)")
        }
        throw .node(name: node.name, operatorName: node.operatorName, reason: error.description)
      } catch {
        throw .node(name: node.name, operatorName: node.operatorName, reason: "\(error)")
      }
    }
    for output in outputs {
      guard let fact = facts[output] else { throw .malformed("nothing writes the output \(valueNames[output])") }
      if batch != nil, fact.constant == nil, fact.batchAxis != 0 {
        throw .batch(reason: "the output \(valueNames[output]) does not have the samples as its leading dimension")
      }
    }
    var result = ShapedGraph(
      name: name, valueNames: valueNames, nodes: kept, inputs: inputs, outputs: outputs, facts: facts, batch: batch)
    result.removeUnread()
    return result
  }

  /// Results with more elements are not computed in advance.
  private static var largestFolded: Int { 1 << 27 }
}

extension ShapedGraph {
  /// What a node gave here from the very same constants; nil where that is not known.
  func contents(of node: GraphNode, operands: [Fact?]) -> [Tensor]? {
    for (value, operand) in zip(node.inputs, operands) {
      guard value.flatMap({ facts[$0]?.constant?.identity }) == operand?.constant?.identity,
        value.flatMap({ facts[$0]?.shape }) == operand?.shape
      else { return nil }
    }
    let contents = node.outputs.map { $0.flatMap { facts[$0]?.constant } }
    return contents.allSatisfy { $0 != nil } ? contents.map { $0! } : nil
  }
}

extension Tensor {
  func hasEqualBytes(_ other: Tensor) -> Bool {
    byteCount == other.byteCount
      && withBytes { a in other.withBytes { b in a.elementsEqual(b) } }
  }
}
