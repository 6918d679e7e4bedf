// Conversions between float32 and bfloat16 by vector loops; the others are rare and run by the definition.

import CSIMD
import Compute
import Tensors

extension Convert {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    let list = context.list
    guard FloatAccess.covers(list, input, output) else { return nil }
    let count = list[input].count
    let inBuffer = Numbers(count: blockLength)
    let outBuffer = Numbers(count: blockLength)
    return { memory in
      let source = FloatAccess(input, memory, buffer: inBuffer)
      let target = FloatAccess(output, memory, buffer: outBuffer)
      for start in stride(from: 0, to: count, by: blockLength) {
        let length = min(blockLength, count - start)
        target.target(start).update(from: source.read(start, length), count: length)
        target.commit(start, length)
      }
    }
  }
}
