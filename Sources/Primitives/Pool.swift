import Compute
import Tensors

/// Maximum or average over windows of channels-last images.
///
/// Input [N, H, W, C], output [N, OH, OW, C]; OH and OW come from the caller, since ceil mode may add a window that
/// hangs over the padded image. Positions outside the image count as minus infinity for the maximum and as zero for the
/// average. The average divides by the number of positions inside the image or, with `countIncludePadding`, inside the
/// padded image. A NaN in the window gives NaN. A maximum may be taken of 8-bit levels (int8, uint8) too.
public struct Pool: Primitive {
  public enum Kind: String, Sendable { case maximum, average }

  public static var name: String { "pool" }
  public let kind: Kind
  public let input: Value
  public let output: Value
  public let window: Window
  public let countIncludePadding: Bool

  public init(kind: Kind, input: Value, output: Value, window: Window, countIncludePadding: Bool = false) {
    self.kind = kind
    self.input = input
    self.output = output
    self.window = window
    self.countIncludePadding = countIncludePadding
  }

  public var reads: [Value] { [input] }
  public var writes: [Value] { [output] }
}
