// What was understood of a model, for `surety inspect`.

import Tensors

/// A model's inputs, outputs, operators and cost.
public struct GraphDescription: Sendable, Codable, CustomStringConvertible {
  public struct Port: Sendable, Codable {
    public var name: String
    public var type: ElementType
    /// Extents as text; open ones have their name or "?".
    public var shape: [String]
  }

  public struct Operator: Sendable, Codable {
    public var name: String
    public var count: Int
  }

  public struct Node: Sendable, Codable {
    public var name: String
    public var operatorName: String
    /// The shape of the first output for one sample.
    public var shape: [Int]
    public var multiplyAdds: Int
  }

  public var name: String
  public var opset: Int
  public var inputs: [Port]
  public var outputs: [Port]
  /// How often each operator stands in the file.
  public var operators: [Operator]
  /// The number of stored weights, running statistics of normalisation included.
  public var parameters: Int
  public var multiplyAddsPerSample: Int
  /// What runs for each sample, constants computed and layers joined.
  public var nodes: [Node]
  /// Why the model cannot be run on batches; nil if it can.
  public var batchProblem: String?

  public var description: String {
    var lines = ["model \(name) (opset \(opset))"]
    for port in inputs {
      lines.append("input   \(port.name): \(port.type.rawValue) [\(port.shape.joined(separator: ", "))]")
    }
    for port in outputs {
      lines.append("output  \(port.name): \(port.type.rawValue) [\(port.shape.joined(separator: ", "))]")
    }
    lines.append("parameters: \(grouped(parameters))")
    lines.append("multiply-adds per sample: \(grouped(multiplyAddsPerSample))")
    lines.append("operators: " + operators.map { "\($0.name) \($0.count)" }.joined(separator: ", "))
    lines.append(batchProblem.map { "batches: no; " + $0 } ?? "batches: yes, samples are treated separately")
    lines.append("steps:")
    for node in nodes {
      let work = node.multiplyAdds > 0 ? ", \(grouped(node.multiplyAdds)) multiply-adds" : ""
      lines.append("  \(node.operatorName) \(node.name): \(node.shape)\(work)")
    }
    return lines.joined(separator: "\n")
  }
}

extension Graph {
  /// Describes the model for one sample. Open dimensions beside the batch take their size from `dimensions`, else 1.
  public func describe(dimensions: [String: Int] = [:]) throws(GraphError) -> GraphDescription {
    var bindings = dimensions
    for input in inputs {
      for case .symbolic(let name) in input.dimensions.dropFirst() where bindings[name] == nil { bindings[name] = 1 }
    }
    var shaped: ShapedGraph
    var problem: String?
    do throws(GraphError) {
      shaped = try self.shaped(batch: 1, dimensions: bindings)
    } catch {
      guard case .batch(let reason) = error else { throw error }
      problem = reason
      shaped = try self.shaped(batch: nil, dimensions: bindings)
    }
    shaped.rewrite()
    var counts: [String: Int] = [:]
    for node in nodes { counts[node.operatorName, default: 0] += 1 }
    let steps = shaped.nodes.map { node in
      let results = node.outputs.compactMap { $0.map { shaped.fact($0) } }
      return GraphDescription.Node(
        name: node.name, operatorName: node.operatorName, shape: results.first?.shape ?? [],
        multiplyAdds: node.operation.multiplyAdds(shaped.facts(of: node), results))
    }
    return GraphDescription(
      name: name, opset: opset,
      inputs: inputs.map { .init(name: $0.name, type: $0.type, shape: $0.dimensions.map(\.description)) },
      outputs: outputs.map { output in
        let fact = shaped.fact(output)
        let shape = fact.shape.enumerated().map { fact.batchAxis == $0 ? "batch" : String($1) }
        return .init(name: valueNames[output], type: fact.type, shape: shape)
      },
      operators: counts.map { .init(name: $0.key, count: $0.value) }
        .sorted { ($1.count, $0.name) < ($0.count, $1.name) },
      parameters: constants.values.reduce(0) { $0 + $1.count },
      multiplyAddsPerSample: steps.reduce(0) { $0 + $1.multiplyAdds }, nodes: steps, batchProblem: problem)
  }
}

/// Digits in groups of three: 1,234,567.
private func grouped(_ number: Int) -> String {
  let digits = Array(String(number))
  var text = ""
  for (index, digit) in digits.enumerated() {
    if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
    text.append(digit)
  }
  return text
}
