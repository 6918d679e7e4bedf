import Compute
import Tensors

/// Sum, mean, maximum or minimum along the middle of [outer, length, inner]; the output is [outer, inner].
///
/// Sums run in binary32 from the first element to the last in the reference.
public struct Reduce: Primitive {
  public enum Operation: String, Sendable, CaseIterable { case sum, mean, maximum, minimum }

  public static var name: String { "reduce" }
  public let operation: Operation
  public let input: Value
  public let output: Value
  public let outer: Int
  public let length: Int
  public let inner: Int

  public init(_ operation: Operation, input: Value, output: Value, outer: Int, length: Int, inner: Int) {
    self.operation = operation
    self.input = input
    self.output = output
    self.outer = outer
    self.length = length
    self.inner = inner
  }

  public var reads: [Value] { [input] }
  public var writes: [Value] { [output] }
}
