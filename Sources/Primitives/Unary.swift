import Compute
import Tensors

/// A function of each element; input and output have equal counts and float types.
public struct Unary: Primitive {
  public enum Operation: Sendable, Hashable {
    case identity, relu, sigmoid, tanh, erf, sqrt, reciprocal, exp, log, abs, negate, sin, cos, sign
    /// Round to the nearest integer, ties to even.
    case round
    case floor, ceil
    /// x < 0 ? slope * x : x
    case leakyRelu(slope: Float)
    /// x < low ? low : x > high ? high : x (NaN stays NaN)
    case clip(low: Float, high: Float)
    /// x < 0 ? alpha * (exp(x) - 1) : x
    case elu(alpha: Float)
    case softplus
    /// x to a constant power
    case power(Float)
    /// scale * x + shift, rounded once (fma)
    case affine(scale: Float, shift: Float)
  }

  public static var name: String { "unary" }
  public let operation: Operation
  public let input: Value
  public let output: Value

  public init(_ operation: Operation, input: Value, output: Value) {
    self.operation = operation
    self.input = input
    self.output = output
  }

  public var reads: [Value] { [input] }
  public var writes: [Value] { [output] }
  public var inPlace: (input: Value, output: Value)? { (input, output) }
}
