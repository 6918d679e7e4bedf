import Compute
import Tensors

/// Copies a box of elements between two values by strides.
///
/// output[outputOffset + sum i_d * outputStrides[d]] = input[inputOffset + sum i_d * inputStrides[d]] for every index i
/// of `extents` (at most six dimensions, strides in elements, negative or zero allowed on the input). Transpose, Slice,
/// Split, Concat, Expand and the inside of Pad are this step. Several copies may fill one output.
/// Input and output have the same element type.
public struct CopyStrided: Primitive {
  public static var name: String { "copy_strided" }
  public let input: Value
  public let output: Value
  public let extents: [Int]
  public let inputOffset: Int
  public let inputStrides: [Int]
  public let outputOffset: Int
  public let outputStrides: [Int]

  public init(
    input: Value, output: Value, extents: [Int], inputOffset: Int = 0, inputStrides: [Int], outputOffset: Int = 0,
    outputStrides: [Int]
  ) {
    self.input = input
    self.output = output
    self.extents = extents
    self.inputOffset = inputOffset
    self.inputStrides = inputStrides
    self.outputOffset = outputOffset
    self.outputStrides = outputStrides
  }

  public var reads: [Value] { [input] }
  public var writes: [Value] { [output] }
}
