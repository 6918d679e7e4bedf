// Chains of multiply-adds by the processor's fastest instruction for the product.

import CSIMD
import Compute
import Tensors

extension MultiplyAdds {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    guard let product = Self.product(precision), csimd_has_products(product) != 0 else { return nil }
    let count = context.list[sums].count
    return { memory in
      csimd_multiply_adds(
        product, memory.elements(starts, as: Float.self).baseAddress,
        memory.elements(sums, as: Float.self).baseAddress, count, rounds)
    }
  }
}
