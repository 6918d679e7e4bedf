// Values as 8-bit levels. A value stands as numbers, as levels, or as both: whoever asks for the form that is missing
// gets a step that makes it.

import Compute
import Primitives
import Tensors

extension Lowering {
  /// How a value is kept as levels; nil where it is not.
  public func levelScale(_ id: ValueID) -> Quantization.Scale? {
    quantization?.scales[graph.valueNames[levelSources[id] ?? id]]
  }

  /// Whether the value was written as levels.
  public func standsAsLevels(_ id: ValueID) -> Bool { levels[id] != nil }

  /// The operand as levels of its scale.
  public mutating func levels(_ id: ValueID) throws -> Stored {
    if let found = levels[id] { return found }
    guard let scale = levelScale(id) else {
      throw OperatorError("there is no int8 scale for the value \(graph.valueNames[id])")
    }
    let numbers = try stored(id)
    guard list[numbers.value].type == .float32 else {
      throw OperatorError("the value \(graph.valueNames[id]) is \(list[numbers.value].type.rawValue), not float32")
    }
    let value = list.transient(list[numbers.value].shape, scale.type, name: graph.valueNames[id])
    try list.append(Rescale(input: numbers.value, output: value, factor: 1 / scale.scale))
    let result = Stored(value: value, layout: numbers.layout)
    levels[id] = result
    return result
  }

  /// The operand as levels of an image with channels innermost; see `channelsLast`.
  public mutating func channelsLastLevels(_ id: ValueID) throws -> Value {
    let shape = shape(id)
    var current = try levels(id)
    if current.layout != .channelsLast(shape) {
      current = try rearranged(current, as: .channelsLast(shape), name: graph.valueNames[id])
    }
    return view(current.value, Self.imageShape(shape))
  }

  /// A result as levels of an image with channels innermost.
  public mutating func defineChannelsLastLevels(_ id: ValueID, _ scale: Quantization.Scale) -> Value {
    let shape = shape(id)
    let value = list.transient(Self.imageShape(shape), scale.type, name: graph.valueNames[id])
    levels[id] = Stored(value: value, layout: .channelsLast(shape))
    return value
  }

  /// The numbers of a value that stands as levels.
  mutating func numbers(ofLevels stored: Stored, _ id: ValueID) throws -> Stored {
    let value = list.transient(list[stored.value].shape, .float32, name: graph.valueNames[id])
    try list.append(Rescale(input: stored.value, output: value, factor: levelScale(id)!.scale))
    return Stored(value: value, layout: stored.layout)
  }
}
