// Conv on 8-bit levels: filters get a scale per output channel, symmetric, so that the largest weight is level 127.

import Compute
import Graphs
import Primitives
import Tensors

extension ConvolutionLayer {
  /// Records the convolution on the levels of its input. The result is levels where it has a scale, else numbers.
  ///
  /// With scales s: y / s_y = (sum of levels + b / (s_x s_w[o])) s_x s_w[o] / s_y + (s_r / s_y) residual level.
  /// - Parameter filter: [outputs, rows, columns, channels / groups] in float32.
  func lowerOnLevels(
    _ node: GraphNode, filter: Tensor, window: Window, into lowering: inout Lowering
  ) throws {
    let (operand, result) = (node.inputs[0]!, node.outputs[0]!)
    let unit = Double(lowering.levelScale(result)?.scale ?? 1)
    let levels = try FilterLevels(filter)
    var shift = [Double](repeating: 0, count: filter.shape[0])
    if let operand = node.input(2) {
      guard let tensor = lowering.constant(operand) else { throw OperatorError("its bias must be a constant") }
      shift = tensor.doubles
    }
    let sums = levels.scales.map { $0 * Double(lowering.levelScale(operand)!.scale) }
    let input = try lowering.channelsLastLevels(operand)
    var (residual, residualScale): (Value?, Double) = (nil, 1)
    if hasResidual {
      let other = node.inputs[3]!
      if lowering.levelScale(result) != nil, let scale = lowering.levelScale(other) {
        residual = try lowering.channelsLastLevels(other)
        residualScale = Double(scale.scale) / unit
      } else {
        residual = try lowering.channelsLast(other)
      }
    }
    let weights = lowering.list.constant(levels.tensor, name: node.name + ".filter")
    let bias = lowering.weights([shift.count], zip(shift, sums).map { $0 / $1 }, name: node.name + ".bias")
    let scale = lowering.weights([shift.count], sums.map { $0 / unit }, name: node.name + ".scale")
    let output =
      if let scale = lowering.levelScale(result) {
        lowering.defineChannelsLastLevels(result, scale)
      } else {
        lowering.defineChannelsLast(result)
      }
    try lowering.list.append(
      QuantizedConvolve(
        input: input, filter: weights, bias: bias, scale: scale, residual: residual,
        residualScale: Float(residualScale), output: output, window: window, groups: groups,
        activation: after.inUnits(of: unit)))
  }
}

/// A filter as int8 levels from -127 to 127 with a scale for each output.
package struct FilterLevels {
  package let tensor: Tensor
  package let scales: [Double]

  /// - Parameter filter: float32, the outputs being the outermost dimension.
  package init(_ filter: Tensor) throws {
    let weights = filter.floats
    let size = weights.count / filter.shape[0]
    var levels: [Int8] = []
    levels.reserveCapacity(weights.count)
    scales = try (0..<filter.shape[0]).map { output in
      let own = weights[output * size..<(output + 1) * size]
      guard own.allSatisfy(\.isFinite) else {
        throw OperatorError("its filter has numbers that are not finite, which int8 cannot hold")
      }
      // Outputs without weights to speak of get a scale too, one whose reciprocal and products stay normal numbers.
      let scale = max(Double(own.reduce(0) { max($0, $1.magnitude) }) / 127, 0x1p-60)
      levels += own.map { Int8((Double($0) / scale).rounded(.toNearestOrEven)) }
      return scale
    }
    tensor = Tensor(shape: filter.shape, type: .int8, elements: levels)
  }
}

extension FusedActivation {
  /// The same function where numbers are counted in units.
  func inUnits(of unit: Double) -> FusedActivation {
    switch self {
    case .none, .relu: self
    case .clip(let low, let high): .clip(low: Float(Double(low) / unit), high: Float(Double(high) / unit))
    }
  }
}
