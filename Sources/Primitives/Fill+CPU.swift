// A fill by one pass over the memory.

import Compute
import Tensors

extension Fill {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    switch context.list[output].type {
    case .float32: { $0.elements(output, as: Float.self).update(repeating: number) }
    case .bfloat16: { $0.elements(output, as: UInt16.self).update(repeating: bfloat16(number)) }
    default: nil
    }
  }
}
