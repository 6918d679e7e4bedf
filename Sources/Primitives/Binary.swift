import Compute
import Tensors

/// A function of two operands with broadcasting, and an activation on the result.
///
/// The output is dense of the given `shape` (at most six dimensions); an operand's element for an output index is found
/// by its strides in elements, 0 along broadcast dimensions. Constant operands are float32 whatever the activations are.
public struct Binary: Primitive {
  public enum Operation: String, Sendable, CaseIterable {
    case add, subtract, multiply, divide, power, minimum, maximum
  }

  public static var name: String { "binary" }
  public let operation: Operation
  public let left: Value
  public let right: Value
  public let output: Value
  public let shape: [Int]
  public let leftStrides: [Int]
  public let rightStrides: [Int]
  public let activation: FusedActivation

  public init(
    _ operation: Operation, left: Value, right: Value, output: Value, shape: [Int], leftStrides: [Int],
    rightStrides: [Int], activation: FusedActivation = .none
  ) {
    self.operation = operation
    self.left = left
    self.right = right
    self.output = output
    self.shape = shape
    self.leftStrides = leftStrides
    self.rightStrides = rightStrides
    self.activation = activation
  }

  public var reads: [Value] { [left, right] }
  public var writes: [Value] { [output] }
}
