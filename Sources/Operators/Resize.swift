// Resize and Upsample to the nearest neighbour: every entry of the result is one entry of the input, axis by axis.

import Graphs
import Primitives
import Tensors

package struct ResizeLayer: Operator {
  package static let names = ["Resize", "Upsample"]
  package var isMovement: Bool { true }

  /// Where index i of an axis comes from, before it is rounded.
  enum Coordinates: String {
    case asymmetric
    case halfPixel = "half_pixel"
    case halfPixelOrZero = "pytorch_half_pixel"
    case alignCorners = "align_corners"
  }

  enum Rounding: String {
    case halfDown = "round_prefer_floor"
    case halfUp = "round_prefer_ceil"
    case floor, ceil
  }

  let coordinates: Coordinates
  let rounding: Rounding
  /// The scales as attribute (before opset 9).
  let fixedScales: [Float]?
  let scalesPosition: Int
  let sizesPosition: Int?
  let axes: [Int]?

  package init(_ attributes: OperatorAttributes) throws {
    let isOld = attributes.operatorName == "Upsample" || attributes.opset < 11
    let mode = try attributes.string("mode") ?? "nearest"
    guard mode == "nearest" else { throw OperatorError("mode \(mode) is not supported, only nearest") }
    if isOld {
      coordinates = .asymmetric
      rounding = .floor
      sizesPosition = nil
      axes = nil
      scalesPosition = 1
      if attributes.opset < 9 {
        try attributes.expect(inputs: 1...1)
        guard case .floats(let scales)? = attributes.content("scales") else {
          throw OperatorError("attribute scales is missing")
        }
        fixedScales = scales
      } else {
        try attributes.expect(inputs: 2...2)
        fixedScales = nil
      }
      return
    }
    try attributes.expect(inputs: 1...4)
    let place = try attributes.string("coordinate_transformation_mode") ?? "half_pixel"
    guard let coordinates = Coordinates(rawValue: place) else {
      throw OperatorError("coordinate_transformation_mode \(place) is not supported")
    }
    let nearest = try attributes.string("nearest_mode") ?? "round_prefer_floor"
    guard let rounding = Rounding(rawValue: nearest) else {
      throw OperatorError("attribute nearest_mode has the unknown value \(nearest)")
    }
    if let policy = try attributes.string("keep_aspect_ratio_policy"), policy != "stretch" {
      throw OperatorError("keep_aspect_ratio_policy \(policy) is not supported")
    }
    // These only concern the other modes.
    for name in ["cubic_coeff_a", "exclude_outside", "extrapolation_value", "antialias"] { attributes.ignore(name) }
    self.coordinates = coordinates
    self.rounding = rounding
    axes = try attributes.integers("axes")
    fixedScales = nil
    scalesPosition = 2
    sizesPosition = 3
  }

  /// For every axis the source of each index of the result; computed in binary32, as the usual runtimes do.
  private func sources(_ inputs: [Fact?]) throws -> [[Int]] {
    let shape = inputs[0]!.shape
    func numbers(_ position: Int?) throws -> [Double]? {
      guard let position, position < inputs.count, let fact = inputs[position] else { return nil }
      guard let constant = fact.constant else {
        throw OperatorError("its scales and sizes must be known when the model is loaded")
      }
      return constant.count == 0 ? nil : constant.doubles
    }
    let scales = try fixedScales.map { $0.map(Double.init) } ?? numbers(scalesPosition)
    let sizes = try numbers(sizesPosition)
    guard (scales == nil) != (sizes == nil) else { throw OperatorError("it needs either scales or sizes") }
    let places = try (axes ?? Array(shape.indices)).map { try normalized($0, rank: shape.count) }
    guard (scales ?? sizes)!.count == places.count else {
      throw OperatorError("it has \((scales ?? sizes)!.count) scales or sizes for \(places.count) axes")
    }
    var result = shape.map { Array(0..<$0) }
    for (index, axis) in places.enumerated() {
      let length = shape[axis]
      let extent = sizes.map { $0[index] } ?? (Double(length) * scales![index]).rounded(.down)
      guard extent >= 1, extent <= 0x1p24 else { throw OperatorError("axis \(axis) would get \(extent) entries") }
      let count = Int(extent)
      let scale = scales.map { Float($0[index]) } ?? Float(count) / Float(length)
      if count == length, scale == 1 { continue }
      result[axis] = (0..<count).map { min(max(source($0, scale, length, count), 0), length - 1) }
    }
    return result
  }

  private func source(_ index: Int, _ scale: Float, _ length: Int, _ count: Int) -> Int {
    let x: Float =
      switch coordinates {
      case .asymmetric: Float(index) / scale
      case .halfPixel: (Float(index) + 0.5) / scale - 0.5
      case .halfPixelOrZero: count > 1 ? (Float(index) + 0.5) / scale - 0.5 : 0
      case .alignCorners: count > 1 ? Float(index) * Float(length - 1) / Float(count - 1) : 0
      }
    return switch rounding {
    case .halfDown: Int((x - 0.5).rounded(.up))
    case .halfUp: Int((x + 0.5).rounded(.down))
    case .floor: Int(x.rounded(.down))
    case .ceil: Int(x.rounded(.up))
    }
  }

  package func infer(_ inputs: [Fact?]) throws -> [Fact] {
    let input = inputs[0]!
    let sources = try sources(inputs)
    if let batch = input.batchAxis, sources[batch] != Array(0..<input.shape[batch]) {
      throw OperatorError.mixing("it resizes axis \(batch), along which the samples lie")
    }
    return [input.with(shape: sources.map(\.count), batchAxis: input.batchAxis)]
  }

  package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = inputs[0]!
    let sources = try sources(inputs.map { $0.map { Fact(constant: $0) } })
    var picks = [0]
    for (axis, stride) in rowMajorStrides(input.shape).enumerated() {
      picks = picks.flatMap { base in sources[axis].map { base + $0 * stride } }
    }
    return [input.picking(picks, shape: sources.map(\.count))]
  }

  package func lower(_ node: GraphNode, into lowering: inout Lowering) throws {
    let input = node.inputs[0]!
    let sources = try sources(node.inputs.map { $0.map { lowering.fact($0) } })
    var shape = lowering.shape(input)
    let changed = shape.indices.filter { sources[$0] != Array(0..<shape[$0]) }
    var value = try lowering.dense(input)
    for axis in changed {
      let indices = lowering.list.constant(
        Tensor(shape: [sources[axis].count], type: .int32, integers: sources[axis]), name: node.name + ".sources")
      let outer = shape[..<axis].reduce(1, *)
      let inner = shape[(axis + 1)...].reduce(1, *)
      let length = shape[axis]
      shape[axis] = sources[axis].count
      let target =
        axis == changed.last! ? lowering.defineDense(node.outputs[0]!) : lowering.scratch(shape, name: node.name)
      try lowering.list.append(
        Gather(data: value, indices: indices, output: target, outer: outer, length: length, inner: inner))
      value = target
    }
    if changed.isEmpty { lowering.alias(node.outputs[0]!, Stored(value: value, layout: .dense(shape))) }
  }

  package func express(_ node: GraphNode, into expression: inout NetworkExpression) throws { try expression.move(node) }
}
