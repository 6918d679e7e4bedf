/// The type of one element of a tensor or of a value in device memory.
///
/// `bfloat16` and `float16` are stored as their 16-bit patterns. Arithmetic on them happens in binary32; a store rounds
/// once, to nearest, ties to even.
public enum ElementType: String, Sendable, Hashable, Codable, CaseIterable {
  case float32
  case float64
  case bfloat16
  case float16
  case int8
  case uint8
  case int32
  case uint32
  case int64
  case uint64
  case bool

  /// The number of bytes that one element takes.
  public var size: Int {
    switch self {
    case .int8, .uint8, .bool: 1
    case .bfloat16, .float16: 2
    case .float32, .int32, .uint32: 4
    case .float64, .int64, .uint64: 8
    }
  }
}
