import Compute
import Tensors

/// Transposed convolution (ONNX ConvTranspose) of channels-last images.
///
/// output[n, y*strideY + r*dilationY - top, x*strideX + s*dilationX - left, o] sums
///   input[n, y, x, g*C + c] * filter[o, r, s, c] over all y, x, r, s, c that meet there, plus bias[o]; then act.
///
/// Shapes: input [N, H, W, channels]; filter [outputs, kernelRows, kernelColumns, channels / groups] float32 constant;
/// bias [outputs]; output [N, OH, OW, outputs], whose extents come from the caller (ONNX output_padding, output_shape).
public struct ConvolveTransposed: Primitive {
  public static var name: String { "convolve_transposed" }
  public let input: Value
  public let filter: Value
  public let bias: Value?
  public let output: Value
  public let window: Window
  public let groups: Int
  public let activation: FusedActivation

  public init(
    input: Value, filter: Value, bias: Value?, output: Value, window: Window, groups: Int = 1,
    activation: FusedActivation = .none
  ) {
    self.input = input
    self.filter = filter
    self.bias = bias
    self.output = output
    self.window = window
    self.groups = groups
    self.activation = activation
  }

  public var reads: [Value] { [input, filter] + [bias].compactMap { $0 } }
  public var writes: [Value] { [output] }
}
