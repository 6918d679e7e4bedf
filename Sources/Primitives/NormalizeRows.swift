import Compute
import Tensors

/// Layer normalisation: each row of [rows, columns] becomes (x - mean) / sqrt(variance + epsilon) * scale + shift.
///
/// The variance is the mean of squared deviations (biased), computed in a second pass. `scale` and `shift` are float32
/// constants [columns], or absent.
public struct NormalizeRows: Primitive {
  public static var name: String { "normalize_rows" }
  public let input: Value
  public let scale: Value?
  public let shift: Value?
  public let output: Value
  public let rows: Int
  public let columns: Int
  public let epsilon: Float

  public init(input: Value, scale: Value?, shift: Value?, output: Value, rows: Int, columns: Int, epsilon: Float) {
    self.input = input
    self.scale = scale
    self.shift = shift
    self.output = output
    self.rows = rows
    self.columns = columns
    self.epsilon = epsilon
  }

  public var reads: [Value] { [input] + [scale, shift].compactMap { $0 } }
  public var writes: [Value] { [output] }
}
