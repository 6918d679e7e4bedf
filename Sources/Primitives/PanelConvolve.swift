// Convolutions by panels of filters (Sources/CFusedBlocks), alone or into a slice of a concatenation.

import Compute
import Tensors

/// A convolution whose pixels are multiplied in register tiles, strip by strip; with a copy behind it that puts the
/// result beside others (`CopyStrided`, as a concatenation along channels is recorded), it writes there directly.
///
/// The definition is the convolution's and the copy's. Sums are binary32, products of bfloat16 numbers exact.
public struct PanelConvolve: FusedPrimitive {
  public static var name: String { "panel_convolve" }
  public let convolution: Convolve
  /// Copies all of the output to some channels of a larger image.
  public let copy: CopyStrided?

  public init(_ convolution: Convolve, copy: CopyStrided? = nil) {
    self.convolution = convolution
    self.copy = copy
  }

  public var parts: [any Primitive] {
    guard let copy else { return [convolution] }
    return [convolution, copy]
  }
  public var inPlace: (input: Value, output: Value)? { copy == nil ? convolution.inPlace : nil }

  /// Alone it is faster than the library's where the window is one pixel; before a copy for other windows too.
  public func isTaken(_ list: CommandList, by processor: ProcessorTraits) -> Bool {
    let type = list[convolution.output].type
    let window = convolution.window
    guard processor.blockTypes.contains(type), convolution.groups == 1, window.rows == window.columns,
      window.isUniform
    else { return false }
    if window.rows == 1 {
      // bfloat16 channels are multiplied in pairs.
      return window.top + window.left + window.bottom + window.right == 0
        && (type == .float32 || list[convolution.input].shape[3].isMultiple(of: 2))
    }
    return copy != nil && window.rows <= 7
  }
}

extension FusionRule {
  /// A convolution and the copy that puts its result into a slice of the channels of another image.
  static let convolutionIntoSlice = FusionRule { uses, last in
    let list = uses.list
    guard let copy = list.steps[last] as? CopyStrided, let first = uses.maker(of: copy.input, for: last),
      let convolution = list.steps[first] as? Convolve, convolution.output == copy.input, convolution.residual == nil,
      copy.isSlice(list[convolution.output].shape), uses.isUnchanged(convolution.input, from: first, to: last)
    else { return nil }
    return ([first, last], PanelConvolve(convolution, copy: copy))
  }

  /// A convolution by itself.
  static let convolution = FusionRule { uses, last in
    guard let convolution = uses.list.steps[last] as? Convolve else { return nil }
    return ([last], PanelConvolve(convolution))
  }
}

extension CopyStrided {
  /// Whether it copies a whole image to some channels of a wider one.
  fileprivate func isSlice(_ image: [Int]) -> Bool {
    let channels = image[3]
    return inputOffset == 0 && extents == [image[0] * image[1] * image[2], channels] && inputStrides == [channels, 1]
      && outputStrides.count == 2 && outputStrides[1] == 1 && outputStrides[0] >= channels
  }
}
