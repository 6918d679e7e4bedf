import Compute
import Tensors

/// act(x[row, c] * scale[c] + shift[c]) for x [rows, channels]; the product and the sum round once each (no fma).
///
/// What BatchNormalization does where it could not be folded into a convolution. `scale` and `shift` are float32
/// constants [channels].
public struct ScaleShift: Primitive {
  public static var name: String { "scale_shift" }
  public let input: Value
  public let scale: Value
  public let shift: Value
  public let output: Value
  public let rows: Int
  public let channels: Int
  public let activation: FusedActivation

  public init(
    input: Value, scale: Value, shift: Value, output: Value, rows: Int, channels: Int,
    activation: FusedActivation = .none
  ) {
    self.input = input
    self.scale = scale
    self.shift = shift
    self.output = output
    self.rows = rows
    self.channels = channels
    self.activation = activation
  }

  public var reads: [Value] { [input, scale, shift] }
  public var writes: [Value] { [output] }
  public var inPlace: (input: Value, output: Value)? { (input, output) }
}
