// A small ONNX file made byte by byte (protobuf wire format: a field is key and length, nested messages alike).

enum TinyModel {
  private static func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
    [UInt8(number << 3 | 2)] + varint(bytes.count) + bytes
  }
  private static func field(_ number: Int, _ value: Int) -> [UInt8] { [UInt8(number << 3)] + varint(value) }
  private static func text(_ number: Int, _ value: String) -> [UInt8] { field(number, Array(value.utf8)) }

  private static func varint(_ value: Int) -> [UInt8] {
    value < 128 ? [UInt8(value)] : [UInt8(value & 127 | 128)] + varint(value >> 7)
  }

  private static func node(_ type: String, _ inputs: [String], _ output: String) -> [UInt8] {
    field(1, inputs.flatMap { text(1, $0) } + text(2, output) + text(4, type))
  }

  /// A float tensor's name and shape, as input (11) or output (12).
  private static func value(_ number: Int, _ name: String, _ shape: [Int]) -> [UInt8] {
    let dimensions = shape.flatMap { field(1, field(1, $0)) }
    return field(number, text(1, name) + field(2, field(1, field(1, 1) + field(2, dimensions))))
  }

  /// y = sum_i (sigmoid(x_i) + sigmoid(-x_i)) over n inputs: n everywhere, which no line knows.
  static func constantInDisguise(inputs n: Int) -> [UInt8] {
    let ones = [Float](repeating: 1, count: n).flatMap { value in
      (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> UInt32(8 * $0)) }
    }
    let weights = field(5, field(1, n) + field(1, 1) + field(2, 1) + text(8, "ones") + field(9, ones))
    let graph =
      node("Sigmoid", ["x"], "up") + node("Neg", ["x"], "minus") + node("Sigmoid", ["minus"], "down")
      + node("Add", ["up", "down"], "sum") + node("MatMul", ["sum", "ones"], "y") + text(2, "constant") + weights
      + value(11, "x", [1, n]) + value(12, "y", [1, 1])
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))
  }
}
