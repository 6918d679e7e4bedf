import CSIMD
import Compute
import Tensors

/// Chains of multiply-adds in registers, by which a device's peak rate is measured.
///
/// sums[i] = starts[i] + rounds · 2⁻¹⁰, by the products 2⁻⁵ · 2⁻⁵, one after the other. Starts are small whole numbers, so
/// that every sum is exact in any order and a wrong one shows. One run is `count` · `rounds` multiply-adds that touch no
/// memory in between: a network's rate over this one's is its share of the peak.
public struct MultiplyAdds: Primitive {
  public static var name: String { "multiply_adds" }
  /// Counts are multiples of this: twelve registers of sixteen lanes.
  public static let block = CSIMD_PRODUCT_SUMS
  /// The most rounds whose sums are exact.
  public static let mostRounds = 1 << 20

  public let starts: Value
  public let sums: Value
  /// A multiple of 4: bfloat16 and int8 instructions add two and four products at once.
  public let rounds: Int
  /// The arithmetic of the products on the CPU. OpenCL kernels compute in binary32 whatever they store.
  public let precision: Precision

  public init(starts: Value, sums: Value, rounds: Int, precision: Precision = .float32) {
    self.starts = starts
    self.sums = sums
    self.rounds = rounds
    self.precision = precision
  }

  public var reads: [Value] { [starts] }
  public var writes: [Value] { [sums] }

  /// Whether this processor's loop of the products shows its peak; not with AMX, whose tiles have no loop here.
  public static func showsProcessorPeak(_ precision: Precision) -> Bool {
    product(precision).map { csimd_has_products($0) != 0 } ?? false
  }

  static func product(_ precision: Precision) -> csimd_product? {
    switch precision {
    case .float32: CSIMD_PRODUCT_FLOAT32
    case .bfloat16: CSIMD_PRODUCT_BFLOAT16
    case .int8: CSIMD_PRODUCT_INT8
    case .float16: nil
    }
  }
}
