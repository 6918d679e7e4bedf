import Compute
import Tensors

/// The class of each row of logits [rows, classes]: the lowest index of the largest number, or -1 if any is NaN.
///
/// The output is int32 [rows]. A NaN anywhere in a row is a vote for no class (reference/soundness.md 2.5).
public struct ArgMax: Primitive {
  public static var name: String { "arg_max" }
  public let logits: Value
  public let output: Value
  public let rows: Int
  public let classes: Int

  public init(logits: Value, output: Value, rows: Int, classes: Int) {
    self.logits = logits
    self.output = output
    self.rows = rows
    self.classes = classes
  }

  public var reads: [Value] { [logits] }
  public var writes: [Value] { [output] }
}
