import Compute
import Tensors

/// Converts elements between types: float types by rounding to nearest even, float to integer by truncation and
/// saturation (NaN to 0), integer to float by rounding to nearest even.
public struct Convert: Primitive {
  public static var name: String { "convert" }
  public let input: Value
  public let output: Value

  public init(input: Value, output: Value) {
    self.input = input
    self.output = output
  }

  public var reads: [Value] { [input] }
  public var writes: [Value] { [output] }
}
