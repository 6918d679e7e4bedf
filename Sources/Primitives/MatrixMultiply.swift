import Compute
import Tensors

/// Batched matrix product with a fused epilogue.
///
/// output[b, i, j] = act(bias[j] + residual[b, i, j] + sum over k of left[b, i, k] * right[b, k, j]).
///
/// The batch b runs over `batchShape` (row-major, possibly empty); `leftBatchStrides` and `rightBatchStrides` give the
/// distance in elements between matrices along each batch dimension, 0 where an operand is broadcast. Within a matrix
/// the elements are row-major, [m, k] and [k, n], or [k, m] and [n, k] where the operand is transposed.
/// The output is dense: batchShape + [m, n]. A constant right operand is float32 whatever the activations are.
public struct MatrixMultiply: Primitive {
  public static var name: String { "matrix_multiply" }
  public let left: Value
  public let right: Value
  public let bias: Value?
  public let residual: Value?
  public let output: Value
  public let batchShape: [Int]
  public let leftBatchStrides: [Int]
  public let rightBatchStrides: [Int]
  public let m: Int
  public let n: Int
  public let k: Int
  public let transposeLeft: Bool
  public let transposeRight: Bool
  public let activation: FusedActivation

  public init(
    left: Value, right: Value, bias: Value? = nil, residual: Value? = nil, output: Value, m: Int, n: Int, k: Int,
    batchShape: [Int] = [], leftBatchStrides: [Int] = [], rightBatchStrides: [Int] = [], transposeLeft: Bool = false,
    transposeRight: Bool = false, activation: FusedActivation = .none
  ) {
    self.left = left
    self.right = right
    self.bias = bias
    self.residual = residual
    self.output = output
    self.batchShape = batchShape
    self.leftBatchStrides = leftBatchStrides
    self.rightBatchStrides = rightBatchStrides
    self.m = m
    self.n = n
    self.k = k
    self.transposeLeft = transposeLeft
    self.transposeRight = transposeRight
    self.activation = activation
  }

  public var reads: [Value] { [left, right] + [bias, residual].compactMap { $0 } }
  public var writes: [Value] { [output] }
}
