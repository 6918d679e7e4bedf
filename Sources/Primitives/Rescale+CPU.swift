// Levels and numbers by vector loops.

import CSIMD
import Compute
import Tensors

extension Rescale {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    let count = context.list[input].count
    switch (context.list[input].type, context.list[output].type) {
    case (.float32, .uint8), (.float32, .int8):
      let isSigned = context.list[output].type == .int8
      return { memory in
        csimd_quantize(
          memory.elements(input, as: Float.self).baseAddress, factor,
          memory.address(output).assumingMemoryBound(to: UInt8.self), count, isSigned ? -128 : 0, isSigned ? 127 : 255)
      }
    case (.uint8, .float32):
      return { memory in
        csimd_dequantize_uint8(
          memory.elements(input, as: UInt8.self).baseAddress, factor,
          memory.elements(output, as: Float.self).baseAddress, count)
      }
    case (.int8, .float32):
      return { memory in
        csimd_dequantize_int8(
          memory.elements(input, as: Int8.self).baseAddress, factor,
          memory.elements(output, as: Float.self).baseAddress, count)
      }
    default: return nil
    }
  }
}
