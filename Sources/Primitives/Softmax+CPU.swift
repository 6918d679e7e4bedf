// Softmax by vector loops along rows; columns of an inner extent above 1 are gathered into rows first.

import CSIMD
import Compute
import Tensors

extension Softmax {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    guard FloatAccess.covers(context.list, input, output) else { return nil }
    let slab = length * inner
    let inBuffer = Numbers(count: slab)
    let outBuffer = Numbers(count: slab)
    let column = Numbers(count: length)
    return { memory in
      let source = FloatAccess(input, memory, buffer: inBuffer)
      let target = FloatAccess(output, memory, buffer: outBuffer)
      for o in 0..<outer {
        let x = source.read(o * slab, slab)
        let y = target.target(o * slab)
        if inner == 1 {
          csimd_softmax(x, y, length)
        } else {
          for i in 0..<inner {
            for index in 0..<length { column.start[index] = x[index * inner + i] }
            csimd_softmax(column.start, column.start, length)
            for index in 0..<length { y[index * inner + i] = column.start[index] }
          }
        }
        target.commit(o * slab, slab)
      }
    }
  }
}
