import Compute
import Graphs
import Tensors

/// Runs lowered graphs: by the definition of each step, or on a device.
struct ListRunner {
  /// The outputs of a lowered graph whose inputs are given in logical row-major order, computed by the reference of
  /// every step.
  static func reference(_ graph: LoweredGraph, _ inputs: [Tensor]) -> [[Float]] {
    let list = graph.commands
    var addresses = [UnsafeMutableRawPointer?](repeating: nil, count: list.values.count)
    var owned: [UnsafeMutableRawPointer] = []
    defer { for address in owned { address.deallocate() } }
    for index in list.values.indices {
      let value = list.values[index]
      if case .view(let of) = value.kind {
        addresses[index] = addresses[of.index]
        continue
      }
      let address = UnsafeMutableRawPointer.allocate(byteCount: max(value.byteCount, 1), alignment: 64)
      // Memory that no step wrote must not look like a result.
      address.initializeMemory(as: UInt8.self, repeating: 0xff, count: value.byteCount)
      if case .constant(let tensor) = value.kind {
        tensor.withBytes {
          if let base = $0.baseAddress { address.copyMemory(from: base, byteCount: tensor.byteCount) }
        }
      }
      addresses[index] = address
      owned.append(address)
    }
    let memory = HostMemory(list: list, addresses: addresses.map { $0! })
    for (input, tensor) in zip(graph.inputs, inputs) {
      let bytes = physicalBytes(input.placement, tensor)
      bytes.withUnsafeBytes { memory.address(input.value).copyMemory(from: $0.baseAddress!, byteCount: bytes.count) }
    }
    for step in list.steps { step.reference(memory) }
    return graph.outputs.map { Array(memory.elements($0, as: Float.self)) }
  }

  /// The outputs computed by a device.
  static func run(_ graph: LoweredGraph, on device: any Device, _ inputs: [Tensor]) async throws -> [[Float]] {
    let instance = try await device.prepare(graph.commands, instances: 1)[0]
    for (input, tensor) in zip(graph.inputs, inputs) {
      try instance.write(physicalBytes(input.placement, tensor), to: input.value)
    }
    try await instance.run()
    return try graph.outputs.map { try instance.read($0, as: Float.self) }
  }

  /// A tensor in the type and memory order of an input.
  static func physicalBytes(_ placement: InputPlacement, _ tensor: Tensor) -> [UInt8] {
    let typed = tensor.converted(to: placement.type)
    switch placement.type.size {
    case 1: return placement.physical(typed.elements(as: UInt8.self))
    case 2: return placement.physical(typed.elements(as: UInt16.self)).withUnsafeBytes { Array($0) }
    case 4: return placement.physical(typed.elements(as: UInt32.self)).withUnsafeBytes { Array($0) }
    default: return placement.physical(typed.elements(as: UInt64.self)).withUnsafeBytes { Array($0) }
    }
  }

  /// The outputs of a shaped graph by the operators' own definitions.
  static func evaluate(_ graph: ShapedGraph, _ inputs: [Tensor]) throws -> [Tensor] {
    var values: [ValueID: Tensor] = [:]
    for (value, fact) in graph.facts.enumerated() { if let constant = fact?.constant { values[value] = constant } }
    for (input, tensor) in zip(graph.inputs, inputs) { values[input.value] = tensor }
    for node in graph.nodes {
      let results = try node.operation.evaluate(node.inputs.map { $0.flatMap { values[$0] } })
      for (value, result) in zip(node.outputs, results) { if let value { values[value] = result } }
    }
    return graph.outputs.map { values[$0]! }
  }
}

/// max |a - b| / max |b|, or infinity where a number is not finite or the counts differ.
func relativeDifference(_ a: some Collection<Float>, _ b: some Collection<Float>) -> Float {
  guard a.count == b.count, a.allSatisfy({ $0.isFinite }) else { return .infinity }
  let scale = b.reduce(0) { max($0, $1.magnitude) }
  let worst = zip(a, b).reduce(0) { max($0, ($1.0 - $1.1).magnitude) }
  return worst == 0 ? 0 : worst / max(scale, .leastNormalMagnitude)
}
