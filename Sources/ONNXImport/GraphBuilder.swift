// From the messages of an ONNX file to a graph: names become values, nodes become operators.

import Graphs
import Operators
import Tensors

/// Collects a graph, and everything that is not supported in it, before it complains.
struct GraphBuilder {
  let path: String
  let reader: TensorReader
  let opset: Int
  private var names: [String] = []
  private var values: [String: ValueID] = [:]
  private var problems: [String] = []

  init(path: String, folder: String?, opset: Int) {
    self.path = path
    self.opset = opset
    reader = TensorReader(path: path, folder: folder)
  }

  mutating func build(_ graph: ONNXGraphProto) throws(ImportError) -> Graph {
    guard graph.sparseInitializer.isEmpty else {
      throw .malformed(path: path, reason: "sparse initializers are not supported; export it with dense weights")
    }
    var constants: [ValueID: Tensor] = [:]
    for initializer in graph.initializer {
      let (value, isNew) = value(initializer.name)
      guard isNew else { throw .malformed(path: path, reason: "the initializer \(initializer.name) appears twice") }
      constants[value] = try reader.tensor(initializer, name: initializer.name)
    }
    let inputs = try self.inputs(graph, constants)
    let nodes = try self.nodes(graph, written: Set(constants.keys).union(inputs.map(\.value)))
    guard problems.isEmpty else { throw .graph(path: path, .unsupported(model: graph.name, problems: problems)) }
    var outputs: [ValueID] = []
    for output in graph.output {
      guard let value = values[output.name] else {
        throw .malformed(path: path, reason: "nothing writes the output \(output.name)")
      }
      outputs.append(value)
    }
    guard !outputs.isEmpty, !inputs.isEmpty else {
      throw .malformed(path: path, reason: "it has no input or no output")
    }
    let sorted = try sort(nodes, known: Set(constants.keys).union(inputs.map(\.value)))
    let used = Set(sorted.flatMap { $0.inputs.compactMap { $0 } } + outputs)
    return Graph(
      name: graph.name, valueNames: names, nodes: sorted, inputs: inputs, outputs: outputs,
      constants: constants.filter { used.contains($0.key) }, opset: opset)
  }

  private mutating func value(_ name: String) -> (value: ValueID, isNew: Bool) {
    if let value = values[name] { return (value, false) }
    values[name] = names.count
    names.append(name)
    return (names.count - 1, true)
  }

  private mutating func inputs(
    _ graph: ONNXGraphProto, _ constants: [ValueID: Tensor]
  ) throws(ImportError) -> [GraphInput] {
    var inputs: [GraphInput] = []
    for input in graph.input {
      let (value, isNew) = value(input.name)
      // Older files list initializers among the inputs.
      if constants[value] != nil { continue }
      guard isNew else { throw .malformed(path: path, reason: "the input \(input.name) appears twice") }
      guard case .tensorType(let tensor)? = input.type.value, let type = ElementType(onnx: Int(tensor.elemType)) else {
        throw .malformed(path: path, reason: "the input \(input.name) is not a tensor of a supported type")
      }
      guard tensor.hasShape else {
        throw .malformed(path: path, reason: "the input \(input.name) has no shape; export it with one")
      }
      let dimensions = tensor.shape.dim.map { dimension -> GraphInput.Dimension in
        switch dimension.value {
        case .dimValue(let extent)? where extent > 0: .fixed(Int(extent))
        case .dimParam(let name)?: .symbolic(name)
        default: .symbolic("")
        }
      }
      inputs.append(GraphInput(name: input.name, value: value, dimensions: dimensions, type: type))
    }
    return inputs
  }

  private mutating func nodes(
    _ graph: ONNXGraphProto, written known: Set<ValueID>
  ) throws(ImportError) -> [GraphNode] {
    var nodes: [GraphNode] = []
    var written = known
    for node in graph.node {
      let name = node.name.isEmpty ? "\(node.opType)(\(node.output.first ?? ""))" : node.name
      let inputs = node.input.map { $0.isEmpty ? nil : value($0).value }
      var outputs: [ValueID?] = []
      for output in node.output {
        guard !output.isEmpty else {
          outputs.append(nil)
          continue
        }
        let value = value(output).value
        guard written.insert(value).inserted else {
          throw .malformed(path: path, reason: "the value \(output) is written twice")
        }
        outputs.append(value)
      }
      guard outputs.contains(where: { $0 != nil }) else {
        throw .malformed(path: path, reason: "node \(name) has no output")
      }
      guard ONNXImporter.isDefaultDomain(node.domain), let type = OperatorTable.byName[node.opType] else {
        let domain = ONNXImporter.isDefaultDomain(node.domain) ? "" : node.domain + "."
        problems.append("operator \(domain)\(node.opType) (node \(name))")
        continue
      }
      var contents: [String: OperatorAttributes.Content] = [:]
      for attribute in node.attribute { contents[attribute.name] = try content(attribute, node: name) }
      let attributes = OperatorAttributes(
        operatorName: node.opType, opset: opset, inputs: inputs.map { $0 != nil }, outputs: outputs.map { $0 != nil },
        contents: contents)
      do {
        let operation = try type.init(attributes)
        if !attributes.unread.isEmpty {
          problems.append(
            "attribute \(attributes.unread.joined(separator: ", ")) of \(node.opType) (node \(name)) is not understood")
        }
        nodes.append(
          GraphNode(name: name, operatorName: node.opType, operation: operation, inputs: inputs, outputs: outputs))
      } catch {
        problems.append("\(node.opType) (node \(name)): \(error)")
      }
    }
    return nodes
  }

  private func content(
    _ attribute: ONNXAttributeProto, node: String
  ) throws(ImportError) -> OperatorAttributes.Content {
    switch attribute.type {
    case 1: return .float(attribute.f)
    case 2: return .integer(Int(attribute.i))
    case 3: return .string(String(decoding: attribute.s, as: UTF8.self))
    case 4: return .tensor(try reader.tensor(attribute.t, name: "attribute \(attribute.name) of node \(node)"))
    case 6: return .floats(attribute.floats)
    case 7: return .integers(attribute.ints.map { Int($0) })
    case 8: return .strings(attribute.strings.map { String(decoding: $0, as: UTF8.self) })
    case 0: break
    case let other: return .other("type \(other)")
    }
    // The oldest files leave the type out.
    if attribute.hasF { return .float(attribute.f) }
    if attribute.hasI { return .integer(Int(attribute.i)) }
    if attribute.hasS { return .string(String(decoding: attribute.s, as: UTF8.self)) }
    if attribute.hasT {
      return .tensor(try reader.tensor(attribute.t, name: "attribute \(attribute.name) of node \(node)"))
    }
    if !attribute.floats.isEmpty { return .floats(attribute.floats) }
    if !attribute.strings.isEmpty { return .strings(attribute.strings.map { String(decoding: $0, as: UTF8.self) }) }
    if attribute.hasG { return .other("graph") }
    return .integers(attribute.ints.map { Int($0) })
  }

  /// Nodes in an order in which every value is written before it is read; the file's order where that is one.
  private func sort(_ nodes: [GraphNode], known: Set<ValueID>) throws(ImportError) -> [GraphNode] {
    var known = known
    var sorted: [GraphNode] = []
    var waiting = nodes
    while !waiting.isEmpty {
      var later: [GraphNode] = []
      for node in waiting {
        if node.inputs.allSatisfy({ $0 == nil || known.contains($0!) }) {
          sorted.append(node)
          for case let value? in node.outputs { known.insert(value) }
        } else {
          later.append(node)
        }
      }
      if later.count == waiting.count {
        let missing = later[0].inputs.compactMap { $0 }.first { !known.contains($0) }!
        throw .malformed(
          path: path, reason: "node \(later[0].name) reads \(names[missing]), which nothing writes before it")
      }
      waiting = later
    }
    return sorted
  }
}
