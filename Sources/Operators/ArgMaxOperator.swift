// ArgMax: the index of the largest number along an axis, the first of several unless the last is asked for.

import Graphs
import Networks
import Tensors

package struct ArgMaxLayer: Operator {
  package static let names = ["ArgMax"]

  let axis: Int
  let keepsAxis: Bool
  let prefersLast: Bool

  package init(_ attributes: OperatorAttributes) throws {
    try attributes.expect(inputs: 1...1)
    axis = try attributes.integer("axis") ?? 0
    keepsAxis = try attributes.flag("keepdims", default: true)
    prefersLast = attributes.opset >= 12 ? try attributes.flag("select_last_index") : false
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let input = inputs[0]!
    let axis = try normalized(axis, rank: input.rank)
    guard input.shape[axis] > 0 else { throw OperatorError("axis \(axis) of \(input.shape) is empty") }
    if input.batchAxis == axis { throw OperatorError.mixing("it compares along axis \(axis), where the samples lie") }
    var shape = input.shape
    var batch = input.batchAxis
    if keepsAxis {
      shape[axis] = 1
    } else {
      shape.remove(at: axis)
      batch = batch.map { $0 > axis ? $0 - 1 : $0 }
    }
    var result = input.with(shape: shape, batchAxis: batch)
    result.type = .int64
    return [result]
  }

  /// The row-major indices of every row that is compared.
  private func rows(_ shape: [Int]) throws -> [[Int]] {
    let axis = try normalized(axis, rank: shape.count)
    let inner = shape[(axis + 1)...].reduce(1, *)
    var rows: [[Int]] = []
    for outer in 0..<shape[..<axis].reduce(1, *) {
      for place in 0..<inner { rows.append((0..<shape[axis]).map { (outer * shape[axis] + $0) * inner + place }) }
    }
    return rows
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = inputs[0]!
    let x = input.doubles
    let best = try rows(input.shape).map { row -> Int in
      var best = 0
      for index in row.indices where prefersLast ? x[row[index]] >= x[row[best]] : x[row[index]] > x[row[best]] {
        best = index
      }
      return best
    }
    let shape = try infer([Fact(shape: input.shape, type: input.type)])[0].shape
    return [Tensor(shape: shape, type: .int64, integers: best)]
  }

  /// The index is at least k exactly if the largest of the entries from k on is above (if the last is preferred: not
  /// below) the largest of those before k; so it is the sum of these truths.
  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws {
    let x = try expression.elements(node.inputs[0]!)
    let rows = try rows(expression.shape(node.inputs[0]!))
    let size = rows.first?.count ?? 1
    guard size <= 64 else { throw OperatorError("there are only bounds for up to 64 entries") }
    var result = [NetworkExpression.Element](repeating: expression.builder.constant(0), count: rows.count)
    for k in 1..<max(size, 1) {
      let name = "\(node.name).\(k)"
      let before = expression.builder.extreme(
        name + ".before", of: rows.map { row in row[..<k].map { x[$0] } }, isMaximum: true)
      let after = expression.builder.extreme(
        name + ".after", of: rows.map { row in row[k...].map { x[$0] } }, isMaximum: true)
      let truth =
        prefersLast
        ? expression.builder.isAtLeast(name, after, before)
        : expression.builder.complement(name, expression.builder.isAtLeast(name + ".not", before, after))
      result =
        k == 1
        ? truth
        : expression.builder.sum(
          name + ".sum", [SumTerm(elements: result, mayMerge: true), SumTerm(elements: truth, mayMerge: true)])
    }
    expression.define(node.outputs[0]!, result, isShared: size < 2)
  }
}
