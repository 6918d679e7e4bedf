// Definition of the gather. The data travels unchanged, except for the rounding of a float32 constant to the output
// type.

import Compute
import Tensors

extension Gather {
  public func validate(_ list: CommandList) throws(ShapeError) {
    let name = Self.name
    try require(
      outer >= 1 && length >= 1 && inner >= 1, "\(name) expects positive extents, not [\(outer), \(length), \(inner)]")
    try require(
      list[indices].type == .int32 || list[indices].type == .int64,
      "\(name) expects int32 or int64 indices, not \(list.spell(indices))")
    try list.requireActivation(output, name, "output")
    try list.requireOperand(data, like: output, name, "data")
    try list.requireCount(data, outer * length * inner, name, "data")
    try list.requireCount(output, outer * list[indices].count * inner, name, "output")
  }

  public func reference(_ memory: HostMemory) {
    let x = memory.loadFloats(data)
    let picks = resolvedIndices(memory)
    var result: [Float] = []
    for o in 0..<outer {
      for pick in picks {
        for i in 0..<inner { result.append(pick.map { x[(o * length + $0) * inner + i] } ?? .nan) }
      }
    }
    memory.storeFloats(result, to: output)
  }

  /// The slice that each index names, or nil where it is out of range.
  func resolvedIndices(_ memory: HostMemory) -> [Int?] {
    let raw =
      memory.list[indices].type == .int32
      ? memory.elements(indices, as: Int32.self).map { Int($0) }
      : memory.elements(indices, as: Int64.self).map { Int($0) }
    return raw.map { index in
      let slice = index < 0 && index >= -length ? index + length : index
      return (0..<length).contains(slice) ? slice : nil
    }
  }
}
