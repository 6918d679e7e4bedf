import Compute
import Tensors

/// Two-dimensional convolution (cross-correlation, as ONNX Conv) of channels-last images.
///
/// output[n, y, x, o] = act(bias[o] + residual[n, y, x, o]
///   + sum over r, s, c of input[n, y*strideY + r*dilationY - top, x*strideX + s*dilationX - left, g*C + c]
///                          * filter[o, r, s, c]),
/// where g is the group of o, C = channels / groups, and input outside the image counts as zero.
///
/// Shapes: input [N, H, W, channels]; filter [outputs, kernelRows, kernelColumns, channels / groups], always float32 and
/// constant; bias [outputs], float32 constant; residual and output [N, OH, OW, outputs] of the input's type.
public struct Convolve: Primitive {
  public static var name: String { "convolve" }
  public let input: Value
  public let filter: Value
  public let bias: Value?
  public let residual: Value?
  public let output: Value
  public let window: Window
  public let groups: Int
  public let activation: FusedActivation

  public init(
    input: Value, filter: Value, bias: Value?, residual: Value? = nil, output: Value, window: Window, groups: Int = 1,
    activation: FusedActivation = .none
  ) {
    self.input = input
    self.filter = filter
    self.bias = bias
    self.residual = residual
    self.output = output
    self.window = window
    self.groups = groups
    self.activation = activation
  }

  public var reads: [Value] { [input, filter] + [bias, residual].compactMap { $0 } }
  public var writes: [Value] { [output] }
  public var inPlace: (input: Value, output: Value)? { residual.map { ($0, output) } }
}

/// How a window moves over an image: extents are in the image's pixels.
public struct Window: Sendable, Hashable {
  /// Kernel rows and columns.
  public var rows: Int
  public var columns: Int
  public var strideRows: Int
  public var strideColumns: Int
  public var dilationRows: Int
  public var dilationColumns: Int
  /// Rows and columns of padding on each side.
  public var top: Int
  public var left: Int
  public var bottom: Int
  public var right: Int

  public init(
    rows: Int, columns: Int, strideRows: Int = 1, strideColumns: Int = 1, dilationRows: Int = 1,
    dilationColumns: Int = 1, top: Int = 0, left: Int = 0, bottom: Int = 0, right: Int = 0
  ) {
    self.rows = rows
    self.columns = columns
    self.strideRows = strideRows
    self.strideColumns = strideColumns
    self.dilationRows = dilationRows
    self.dilationColumns = dilationColumns
    self.top = top
    self.left = left
    self.bottom = bottom
    self.right = right
  }

  /// Output rows for an image of `height` rows (floor mode).
  public func outputRows(_ height: Int) -> Int {
    (height + top + bottom - dilationRows * (rows - 1) - 1) / strideRows + 1
  }

  /// Output columns for an image of `width` columns (floor mode).
  public func outputColumns(_ width: Int) -> Int {
    (width + left + right - dilationColumns * (columns - 1) - 1) / strideColumns + 1
  }
}
