// The affine map per channel by vector loops, row by row.

import CSIMD
import Compute
import Tensors

extension ScaleShift {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    guard FloatAccess.covers(context.list, input, output) else { return nil }
    let bounds = activation.clipBounds
    let inBuffer = Numbers(count: channels)
    let outBuffer = Numbers(count: channels)
    return { memory in
      let source = FloatAccess(input, memory, buffer: inBuffer)
      let target = FloatAccess(output, memory, buffer: outBuffer)
      let factors = memory.elements(scale, as: Float.self).baseAddress
      let terms = memory.elements(shift, as: Float.self).baseAddress
      for row in 0..<rows {
        let y = target.target(row * channels)
        csimd_scale_shift(source.read(row * channels, channels), factors, terms, y, channels)
        if let bounds { csimd_clip(y, channels, bounds.low, bounds.high) }
        target.commit(row * channels, channels)
      }
    }
  }
}
