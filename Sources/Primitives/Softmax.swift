import Compute
import Tensors

/// exp(x - max) / sum of exp(x - max) along the middle of [outer, length, inner].
public struct Softmax: Primitive {
  public static var name: String { "softmax" }
  public let input: Value
  public let output: Value
  public let outer: Int
  public let length: Int
  public let inner: Int

  public init(input: Value, output: Value, outer: Int, length: Int, inner: Int) {
    self.input = input
    self.output = output
    self.outer = outer
    self.length = length
    self.inner = inner
  }

  public var reads: [Value] { [input] }
  public var writes: [Value] { [output] }
}
