import Compute
import Tensors

/// Picks slices along the middle of data [outer, length, inner]: output[o, i, :] = data[o, index[i], :].
///
/// Indices are int32 or int64; a negative one counts from the end. An index out of range picks slice 0 and turns the
/// float result into NaN, so that it can never be taken for an answer. Data and output have the same float type, or the
/// data is a float32 constant.
public struct Gather: Primitive {
  public static var name: String { "gather" }
  public let data: Value
  public let indices: Value
  public let output: Value
  public let outer: Int
  public let length: Int
  public let inner: Int

  public init(data: Value, indices: Value, output: Value, outer: Int, length: Int, inner: Int) {
    self.data = data
    self.indices = indices
    self.output = output
    self.outer = outer
    self.length = length
    self.inner = inner
  }

  public var reads: [Value] { [data, indices] }
  public var writes: [Value] { [output] }
}
