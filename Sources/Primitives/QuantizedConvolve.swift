import Compute
import Tensors

/// Two-dimensional convolution of 8-bit levels with 8-bit filters: summed exactly, rescaled, rounded once.
///
///   sum[n, y, x, o] = sum over r, s, c of input[n, y*strideY + r*dilationY - top, x*strideX + s*dilationX - left, g*C + c]
///                                         * filter[o, r, s, c]
/// in integers, where input outside the image counts as zero (`Convolve` has the indices). Filters of so many numbers
/// that the sum could leave 32 bits are refused, so it is exact in any order. Then, in binary32 to nearest even,
///   z = (float(sum) + bias[o]) * scale[o],   one rounding each,
///   z = fma(residual[n, y, x, o], residualScale, z)   where there is a residual,
///   output = act(z),
/// and where the output is int8 or uint8 the nearest integer, ties to even, held within the type's range. Nothing of this
/// depends on an order of summation, so every device can give the same bits.
///
/// With scales s (what one level stands for), scale[o] = s_input s_filter[o] / s_output, residualScale = s_residual /
/// s_output, bias[o] = b[o] / (s_input s_filter[o]), and the activation is in units of s_output (1 for a float32 output).
///
/// Shapes: input uint8 or int8 [N, H, W, channels]; filter int8 constant [outputs, rows, columns, channels / groups];
/// bias and scale float32 constants [outputs]; output uint8, int8 or float32 [N, OH, OW, outputs]; residual likewise, of
/// 8-bit type where the output has one, else float32.
public struct QuantizedConvolve: Primitive {
  public static var name: String { "quantized_convolve" }
  public let input: Value
  public let filter: Value
  public let bias: Value
  public let scale: Value
  public let residual: Value?
  public let residualScale: Float
  public let output: Value
  public let window: Window
  public let groups: Int
  public let activation: FusedActivation

  public init(
    input: Value, filter: Value, bias: Value, scale: Value, residual: Value? = nil, residualScale: Float = 1,
    output: Value, window: Window, groups: Int = 1, activation: FusedActivation = .none
  ) {
    self.input = input
    self.filter = filter
    self.bias = bias
    self.scale = scale
    self.residual = residual
    self.residualScale = residualScale
    self.output = output
    self.window = window
    self.groups = groups
    self.activation = activation
  }

  public var reads: [Value] { [input, filter, bias, scale] + [residual].compactMap { $0 } }
  public var writes: [Value] { [output] }
  public var inPlace: (input: Value, output: Value)? { residual.map { ($0, output) } }

  /// The most numbers that a filter may have for one output: as many products of 255 and 128 fit a 32-bit sum, also
  /// where a kernel works on the input plus 128.
  public static let largestFilter = Int(Int32.max) / (256 * 128)
}
