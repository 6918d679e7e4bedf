import Glibc
import Graphs
import Networks
import Tensors
import TestSupport

/// A graph's meaning without roundings to binary32: the operators' definitions in binary64 throughout.
enum NetworkReference {
  static func outputs(_ graph: ShapedGraph, _ inputs: [Tensor]) throws -> [Double] {
    func wide(_ tensor: Tensor) -> Tensor { tensor.type.isFloat ? tensor.converted(to: .float64) : tensor }
    var values: [ValueID: Tensor] = [:]
    for (value, fact) in graph.facts.enumerated() {
      if let constant = fact?.constant { values[value] = wide(constant) }
    }
    for (input, tensor) in zip(graph.inputs, inputs) { values[input.value] = wide(tensor) }
    for node in graph.nodes {
      let results = try node.operation.evaluate(node.inputs.map { $0.flatMap { values[$0] } })
      for (value, result) in zip(node.outputs, results) { if let value { values[value] = wide(result) } }
    }
    return graph.outputs.flatMap { values[$0]!.doubles }
  }

  /// The largest difference between a network and its graph, relative to the largest output.
  static func difference(_ network: Network, _ graph: ShapedGraph, _ inputs: [Tensor]) throws -> Double {
    let expected = try outputs(graph, inputs)
    let found = network.outputs(inputs.flatMap { $0.doubles })
    guard found.count == expected.count else { return .infinity }
    let scale = expected.reduce(0) { max($0, $1.magnitude) }
    var worst = 0.0
    for (a, b) in zip(found, expected) where a != b {
      let difference = (a - b).magnitude
      worst = difference.isNaN ? .infinity : max(worst, difference)
    }
    return worst == 0 ? 0 : worst / max(scale, .leastNormalMagnitude)
  }

  /// The paths of all network files below a folder of the data.
  static func files(_ folder: String) -> [String] {
    guard let handle = opendir(TestData.path(folder)) else { return [] }
    defer { closedir(handle) }
    var result: [String] = []
    while let entry = readdir(handle) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(cString: $0.bindMemory(to: CChar.self).baseAddress!)
      }
      if name.hasPrefix(".") { continue }
      let path = folder + "/" + name
      if name.hasSuffix(".onnx") || name.hasSuffix(".onnx.gz") { result.append(path) } else { result += files(path) }
    }
    return result.sorted()
  }
}
