// Operators that give the same elements in the same row-major order another shape: Reshape, Flatten, Squeeze, Unsqueeze.

import Graphs
import Tensors

/// Where the samples' axis is after a change of shape; refuses shapes in which it is merged with others or cut.
private func batchAxis(of input: Fact, in shape: [Int]) throws -> Int? {
  guard let axis = input.batchAxis else { return nil }
  let outer = input.shape[..<axis].reduce(1, *)
  var product = 1
  for (candidate, extent) in shape.enumerated() {
    if product == outer, extent == input.shape[axis] { return candidate }
    product *= extent
    if product > outer { break }
  }
  throw OperatorError.mixing(
    "reshaping \(input.shape) to \(shape) merges axis \(axis), along which the samples lie, with others")
}

private func reshape(_ node: GraphNode, into lowering: inout Lowering) throws {
  let shape = lowering.shape(node.outputs[0]!)
  let current = try lowering.stored(node.inputs[0]!)
  if let layout = current.layout.reshaped(shape) {
    lowering.alias(node.outputs[0]!, Stored(value: current.value, layout: layout))
  } else {
    let value = try lowering.dense(node.inputs[0]!)
    lowering.alias(node.outputs[0]!, Stored(value: value, layout: .dense(shape)))
  }
}

/// Reshape: 0 keeps an extent (unless allowzero), -1 takes what is left. A target that fixes the samples' axis to 1
/// means one sample at a time, and becomes the size of the batch.
package struct ReshapeLayer: Operator {
  package static let names = ["Reshape"]
  package var isMovement: Bool { true }

  let allowsZero: Bool
  /// The inferred shape, once it is known.
  var shape: [Int]?

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 2...2)
    allowsZero = attributes.opset >= 14 ? try attributes.flag("allowzero") : false
  }

  private func target(_ input: Fact, _ numbers: [Int]) throws -> [Int] {
    var shape = numbers
    for axis in shape.indices where shape[axis] == 0 && !allowsZero {
      guard axis < input.rank else {
        throw OperatorError("the target \(numbers) copies an axis that \(input.shape) lacks")
      }
      shape[axis] = input.shape[axis]
    }
    guard shape.allSatisfy({ $0 >= -1 }), shape.filter({ $0 == -1 }).count <= 1 else {
      throw OperatorError("the target \(numbers) is not a shape")
    }
    var known = 1
    for extent in shape where extent != -1 {
      let (product, overflow) = known.multipliedReportingOverflow(by: extent)
      if overflow { throw OperatorError("the target \(numbers) is too large") }
      known = product
    }
    if let open = shape.firstIndex(of: -1) {
      guard known > 0, input.count.isMultiple(of: known) else {
        throw OperatorError("\(input.shape) cannot be reshaped to \(numbers)")
      }
      shape[open] = input.count / known
      known = input.count
    }
    guard known == input.count else { throw OperatorError("\(input.shape) cannot be reshaped to \(numbers)") }
    return shape
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let input = inputs[0]!
    let numbers = try inputs[1]!.integers("the target shape")
    do {
      let shape = try target(input, numbers)
      let axis = try batchAxis(of: input, in: shape)
      // A number that only happens to be the size of this batch says nothing about the samples.
      if let axis, numbers[axis] > 0, !inputs[1]!.mayDependOnBatchSize {
        throw OperatorError.mixing("the target \(numbers) fixes the number of samples")
      }
      return [input.with(shape: shape, batchAxis: axis)]
    } catch {
      guard let axis = input.batchAxis else { throw error }
      for place in numbers.indices where numbers[place] == 1 {
        var changed = numbers
        changed[place] = input.shape[axis]
        if let shape = try? target(input, changed), let found = try? batchAxis(of: input, in: shape), found == place {
          return [input.with(shape: shape, batchAxis: place)]
        }
      }
      throw error
    }
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let shape = try shape ?? infer(inputs.map { $0.map { Fact(constant: $0) } })[0].shape
    return [inputs[0]!.reshaped(shape)]
  }

  package func bound(to outputs: [Fact]) -> any Operator {
    var result = self
    result.shape = outputs[0].shape
    return result
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws { try reshape(node, into: &lowering) }
  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws { try expression.move(node) }
  package func readsOnlyShape(from position: Int) -> Bool { position == 1 }
}

/// Flatten: [axes before `axis` together, the others together].
package struct FlattenLayer: Operator {
  package static let names = ["Flatten"]
  package var isMovement: Bool { true }

  let axis: Int

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 1...1)
    axis = try attributes.integer("axis") ?? 1
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let input = inputs[0]!
    let axis = axis == input.rank ? axis : try normalized(axis, rank: input.rank)
    let shape = [input.shape[..<axis].reduce(1, *), input.shape[axis...].reduce(1, *)]
    return [input.with(shape: shape, batchAxis: try batchAxis(of: input, in: shape))]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    [inputs[0]!.reshaped(try infer([Fact(constant: inputs[0]!)])[0].shape)]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws { try reshape(node, into: &lowering) }
  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws { try expression.move(node) }
}

/// Squeeze: drops axes of extent 1; the axes are an attribute before opset 13 and an input since.
package struct SqueezeLayer: Operator {
  package static let names = ["Squeeze"]
  package var isMovement: Bool { true }

  let axes: [Int]?

  package init(_ attributes: OperatorAttributes) throws {
    let takesInput = attributes.opset >= 13
    try attributes.expect(inputs: takesInput ? 1...2 : 1...1)
    axes = takesInput ? nil : try attributes.integers("axes")
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let input = inputs[0]!
    var dropped: Set<Int>
    if let given = try axes ?? (inputs.count > 1 ? inputs[1]?.integers("the axes") : nil) {
      dropped = Set(try given.map { try normalized($0, rank: input.rank) })
      if let batch = input.batchAxis, dropped.contains(batch) {
        throw OperatorError.mixing("it removes axis \(batch), along which the samples lie")
      }
    } else {
      dropped = Set(input.shape.indices.filter { input.shape[$0] == 1 && $0 != input.batchAxis })
    }
    for axis in dropped where input.shape[axis] != 1 {
      throw OperatorError("axis \(axis) of \(input.shape) is not 1")
    }
    let shape = input.shape.indices.filter { !dropped.contains($0) }.map { input.shape[$0] }
    let batch = input.batchAxis.map { batch in (0..<batch).filter { !dropped.contains($0) }.count }
    return [input.with(shape: shape, batchAxis: batch)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    [inputs[0]!.reshaped(try infer(inputs.map { $0.map { Fact(constant: $0) } })[0].shape)]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws { try reshape(node, into: &lowering) }
  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws { try expression.move(node) }
  package func readsOnlyShape(from position: Int) -> Bool { position == 1 }
}

/// Unsqueeze: inserts axes of extent 1 at places counted in the result.
package struct UnsqueezeLayer: Operator {
  package static let names = ["Unsqueeze"]
  package var isMovement: Bool { true }

  let axes: [Int]?

  package init(_ attributes: OperatorAttributes) throws {
    let takesInput = attributes.opset >= 13
    try attributes.expect(inputs: takesInput ? 2...2 : 1...1)
    axes = takesInput ? nil : try attributes.integers("axes")
    if !takesInput, axes == nil { throw OperatorError("attribute axes is missing") }
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let input = inputs[0]!
    let given = try axes ?? inputs[1]!.integers("the axes")
    let rank = input.rank + given.count
    let inserted = Set(try given.map { try normalized($0, rank: rank) })
    guard inserted.count == given.count else { throw OperatorError("the axes \(given) name one place twice") }
    var rest = input.shape.makeIterator()
    var shape: [Int] = []
    var places: [Int] = []
    for axis in 0..<rank {
      if inserted.contains(axis) {
        shape.append(1)
      } else {
        shape.append(rest.next()!)
        places.append(axis)
      }
    }
    return [input.with(shape: shape, batchAxis: input.batchAxis.map { places[$0] })]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    [inputs[0]!.reshaped(try infer(inputs.map { $0.map { Fact(constant: $0) } })[0].shape)]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws { try reshape(node, into: &lowering) }
  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws { try expression.move(node) }
  package func readsOnlyShape(from position: Int) -> Bool { position == 1 }
}
