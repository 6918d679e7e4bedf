import Compute
import Tensors

/// Sets every element of a float value to one number.
public struct Fill: Primitive {
  public static var name: String { "fill" }
  public let output: Value
  public let number: Float

  public init(output: Value, number: Float) {
    self.output = output
    self.number = number
  }

  public var reads: [Value] { [] }
  public var writes: [Value] { [output] }
}
