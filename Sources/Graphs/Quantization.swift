// Which values of a network are kept as 8-bit levels, and what one level stands for.

import Tensors

/// The scales of an int8 network: number = scale * level for the named values, which are float32 otherwise.
///
/// The scales are part of the function that the network computes. They are measured once (calibration) and then given:
/// a run records them, and whoever wants the same classifier again hands them over.
public struct Quantization: Sendable, Hashable {
  /// How one value is kept.
  public struct Scale: Sendable, Hashable {
    /// The number that one level stands for; positive.
    public var scale: Float
    /// Levels -128...127 (int8), else 0...255 (uint8).
    public var isSigned: Bool

    public init(_ scale: Float, isSigned: Bool) {
      self.scale = scale
      self.isSigned = isSigned
    }

    var type: ElementType { isSigned ? .int8 : .uint8 }
    /// Whether the scale and its reciprocal are normal binary32 numbers, far from overflow in a product of two scales.
    var isUsable: Bool { scale > 0x1p-40 && scale < 0x1p40 }
  }

  /// By the name of the value in the model file.
  public var scales: [String: Scale]

  public init(_ scales: [String: Scale]) { self.scales = scales }
}

/// How an operator works on 8-bit levels.
public struct LevelTraits: Sendable {
  /// It multiplies levels of its first input with 8-bit weights and may write levels.
  public var multiplies: Bool
  /// Where an input stands that is added to the levels that it writes.
  public var residual: Int?
  /// It moves or chooses levels of its first input and changes none.
  public var passesOn: Bool

  public init(multiplies: Bool = false, residual: Int? = nil, passesOn: Bool = false) {
    self.multiplies = multiplies
    self.residual = residual
    self.passesOn = passesOn
  }
}

extension ShapedGraph {
  /// The values that an int8 network keeps as levels: what an operator multiplies, and what is added to such values;
  /// of a chain that passes levels on, its start. In the order in which they are written, graph inputs first.
  public var quantizableValues: [ValueID] {
    var writers: [ValueID: GraphNode] = [:]
    for node in nodes { for case let value? in node.outputs { writers[value] = node } }
    var found: Set<ValueID> = []
    for node in nodes where node.operation.levels.multiplies { found.insert(levelSource(of: node.inputs[0]!, writers)) }
    var open = Array(found)
    while let value = open.popLast() {
      guard let writer = writers[value], let position = writer.operation.levels.residual,
        let residual = writer.input(position)
      else { continue }
      let source = levelSource(of: residual, writers)
      if found.insert(source).inserted { open.append(source) }
    }
    found = found.filter { fact($0).type.isFloat && fact($0).constant == nil }
    return inputs.map(\.value).filter(found.contains)
      + nodes.flatMap { $0.outputs.compactMap { $0 } }.filter(found.contains)
  }

  /// The same, or an error where there is none.
  public func requireQuantizableValues() throws(GraphError) -> [ValueID] {
    let values = quantizableValues
    if !values.isEmpty { return values }
    throw .quantization("int8 would change nothing here: the network has no layer that works on 8-bit levels (Conv)")
  }

  /// For every value the one whose levels it has, where operators only pass levels on.
  func levelSources() -> [ValueID: ValueID] {
    var sources: [ValueID: ValueID] = [:]
    for node in nodes where node.operation.levels.passesOn {
      if let output = node.outputs.first ?? nil, let input = node.input(0) { sources[output] = sources[input] ?? input }
    }
    return sources
  }

  private func levelSource(of value: ValueID, _ writers: [ValueID: GraphNode]) -> ValueID {
    var value = value
    while let writer = writers[value], writer.operation.levels.passesOn, let input = writer.input(0) { value = input }
    return value
  }
}
