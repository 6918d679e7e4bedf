// Layer normalisation by vector loops, row by row, in binary64 inside.

import CSIMD
import Compute
import Tensors

extension NormalizeRows {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    guard FloatAccess.covers(context.list, input, output) else { return nil }
    let inBuffer = Numbers(count: columns)
    let outBuffer = Numbers(count: columns)
    return { memory in
      let source = FloatAccess(input, memory, buffer: inBuffer)
      let target = FloatAccess(output, memory, buffer: outBuffer)
      let factors = scale.map { UnsafePointer(memory.elements($0, as: Float.self).baseAddress!) }
      let terms = shift.map { UnsafePointer(memory.elements($0, as: Float.self).baseAddress!) }
      for row in 0..<rows {
        let x = source.read(row * columns, columns)
        csimd_normalize(x, factors, terms, target.target(row * columns), columns, Double(epsilon))
        target.commit(row * columns, columns)
      }
    }
  }
}
