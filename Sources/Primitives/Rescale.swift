import Compute
import Tensors

/// Numbers to 8-bit levels and back: y = factor * x, element by element, one rounding to binary32.
///
/// From float32 to int8 or uint8 the product becomes the nearest integer, ties to even, held within the type's range; a
/// NaN becomes 0. From int8 or uint8 to float32 it stays as it is. With scale s, the number that one level stands for,
/// the factor is 1 / s on the way to levels and s on the way back.
public struct Rescale: Primitive {
  public static var name: String { "rescale" }
  public let input: Value
  public let output: Value
  public let factor: Float

  public init(input: Value, output: Value, factor: Float) {
    self.input = input
    self.output = output
    self.factor = factor
  }

  public var reads: [Value] { [input] }
  public var writes: [Value] { [output] }
}
