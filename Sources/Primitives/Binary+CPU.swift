// Broadcast arithmetic by vector loops over the innermost runs.

import CSIMD
import Compute
import Tensors

extension Binary {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    guard let code = operation.loop, FloatAccess.covers(context.list, left, right, output) else { return nil }
    let walk = MergedWalk(shape, [leftStrides, rightStrides])
    let (extent, strides) = walk.inner
    let (leftStride, rightStride) = (strides[0], strides[1])
    guard leftStride >= 0, rightStride >= 0 else { return nil }
    let bounds = activation.clipBounds
    let leftBuffer = Numbers(count: blockLength * max(1, min(leftStride, 64)))
    let rightBuffer = Numbers(count: blockLength * max(1, min(rightStride, 64)))
    let outBuffer = Numbers(count: blockLength)
    guard leftStride <= 64, rightStride <= 64 else { return nil }
    return { memory in
      let a = FloatAccess(left, memory, buffer: leftBuffer)
      let b = FloatAccess(right, memory, buffer: rightBuffer)
      let target = FloatAccess(output, memory, buffer: outBuffer)
      var written = 0
      walk.forEachRun { fromLeft, fromRight in
        for start in stride(from: 0, to: extent, by: blockLength) {
          let length = min(blockLength, extent - start)
          let y = target.target(written)
          csimd_binary(
            code, a.read(fromLeft + start * leftStride, (length - 1) * leftStride + 1), leftStride,
            b.read(fromRight + start * rightStride, (length - 1) * rightStride + 1), rightStride, y, length)
          if let bounds { csimd_clip(y, length, bounds.low, bounds.high) }
          target.commit(written, length)
          written += length
        }
      }
    }
  }
}

extension Binary.Operation {
  /// The vector loop, if there is one.
  fileprivate var loop: csimd_binary_operation? {
    switch self {
    case .add: CSIMD_ADD
    case .subtract: CSIMD_SUBTRACT
    case .multiply: CSIMD_MULTIPLY
    case .divide: CSIMD_DIVIDE
    case .minimum: CSIMD_MINIMUM
    case .maximum: CSIMD_MAXIMUM
    case .power: nil
    }
  }
}
