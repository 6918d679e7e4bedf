// Inverted residual blocks (Sandler et al. 2018, "MobileNetV2", section 3.3) as one step.

import Compute
import Tensors

/// Expansion, depthwise layer and projection of one block:
///
///   e = act1(x * W1 + b1)         1x1, or the window of a network's first layer
///   d = act2(depthwise(e) + b2)   one filter of 3x3 or 5x5 for each channel, stride 1 or 2
///   y = act3(d * W3 + b3 + r)     1x1, with or without a residual r
///
/// Values and shapes are those of the three convolutions. The expanded map is several times as large as what goes in
/// and comes out; here it never leaves the caches. Every number that a convolution would have stored is rounded all the
/// same: in bfloat16, e and d are rounded to bfloat16 after their activations, products are exact, sums are binary32,
/// the residual is added before the one rounding of y. So the block differs from the three convolutions in the order of
/// its sums only. (One more thing: bfloat16 products come in pairs, and a pair at the edge of a window has a weight of 0
/// on the pixel outside. A NaN or an infinity there becomes a NaN, so in bfloat16 it may reach one column further.) The
/// output must not share memory with the input or the residual.
public struct InvertedResidual: FusedPrimitive {
  public static var name: String { "inverted_residual" }
  public let expansion: Convolve
  public let depthwise: Convolve
  public let projection: Convolve

  public init(expansion: Convolve, depthwise: Convolve, projection: Convolve) {
    self.expansion = expansion
    self.depthwise = depthwise
    self.projection = projection
  }

  public var parts: [any Primitive] { [expansion, depthwise, projection] }

  /// The input has few channels in a network's first layer, the only one whose window is more than a pixel.
  public func isTaken(_ list: CommandList, by processor: ProcessorTraits) -> Bool {
    let type = list[projection.output].type
    guard processor.blockTypes.contains(type) else { return false }
    let input = list[expansion.input].shape
    let first = expansion.window
    let window = depthwise.window
    if first.isPoint {
      // bfloat16 channels are multiplied in pairs.
      if type == .bfloat16 && !input[3].isMultiple(of: 2) { return false }
    } else {
      guard first.rows == 3, first.columns == 3, first.isUniform, input[3] <= 4 else { return false }
    }
    guard window.rows == window.columns, window.rows == 3 || window.rows == 5, window.isUniform,
      window.strideRows <= 2, window.top < window.rows, window.left <= 2
    else { return false }
    // Channels that fill up the last slab cost as much as others.
    return 4 * list[depthwise.output].shape[3] >= 3 * expandedChannels(list)
  }

  /// The channels of a slab, which the expansion makes at a time.
  var slab: Int { expansion.window.isPoint ? 48 : 32 }

  /// The expanded channels rounded up to whole slabs.
  func expandedChannels(_ list: CommandList) -> Int { quotient(list[depthwise.output].shape[3], slab) * slab }
}

extension Window {
  /// One pixel, as it stands.
  var isPoint: Bool { self == Window(rows: 1, columns: 1) }

  /// One stride and no dilation.
  var isUniform: Bool { strideRows == strideColumns && dilationRows == 1 && dilationColumns == 1 }
}

extension FusionRule {
  /// Three convolutions in a chain: any one without groups, one filter a channel, one pixel.
  static let invertedResidual = FusionRule { uses, last in
    let list = uses.list
    guard let projection = list.steps[last] as? Convolve, projection.groups == 1, projection.window.isPoint,
      let middle = uses.maker(of: projection.input, for: last), let depthwise = list.steps[middle] as? Convolve,
      depthwise.groups == list[depthwise.input].shape[3], list[depthwise.output].shape[3] == depthwise.groups,
      depthwise.residual == nil,
      let first = uses.maker(of: depthwise.input, for: middle), let expansion = list.steps[first] as? Convolve,
      expansion.groups == 1, expansion.residual == nil, expansion.output == depthwise.input,
      depthwise.output == projection.input, uses.isUnchanged(expansion.input, from: first, to: last)
    else { return nil }
    return (
      [first, middle, last],
      InvertedResidual(expansion: expansion, depthwise: depthwise, projection: projection)
    )
  }
}
