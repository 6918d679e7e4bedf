// Votes by vector loops, row by row.

import CSIMD
import Compute
import Tensors

extension ArgMax {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    guard FloatAccess.covers(context.list, logits) else { return nil }
    let buffer = Numbers(count: classes)
    return { memory in
      let source = FloatAccess(logits, memory, buffer: buffer)
      let votes = memory.elements(output, as: Int32.self)
      for row in 0..<rows { votes[row] = csimd_arg_max(source.read(row * classes, classes), classes) }
    }
  }
}
