// Element functions by vector loops; the few without one run through the definition's function, block by block.

import CSIMD
import Compute
import Tensors

extension Unary {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    guard FloatAccess.covers(context.list, input, output) else { return nil }
    let count = context.list[input].count
    let loop = operation.loop
    let inBuffer = Numbers(count: blockLength)
    let outBuffer = Numbers(count: blockLength)
    return { memory in
      let source = FloatAccess(input, memory, buffer: inBuffer)
      let target = FloatAccess(output, memory, buffer: outBuffer)
      for start in stride(from: 0, to: count, by: blockLength) {
        let length = min(blockLength, count - start)
        let x = source.read(start, length)
        let y = target.target(start)
        if let (code, a, b) = loop {
          csimd_unary(code, x, y, length, a, b)
        } else {
          for index in 0..<length { y[index] = operation(x[index]) }
        }
        target.commit(start, length)
      }
    }
  }
}

extension Unary.Operation {
  /// The vector loop and its two parameters, if there is one.
  fileprivate var loop: (csimd_unary_operation, Float, Float)? {
    switch self {
    case .identity: (CSIMD_CLIP, -.infinity, .infinity)
    case .relu: (CSIMD_RELU, 0, 0)
    case .sigmoid: (CSIMD_SIGMOID, 0, 0)
    case .tanh: (CSIMD_TANH, 0, 0)
    case .sqrt: (CSIMD_SQRT, 0, 0)
    case .reciprocal: (CSIMD_RECIPROCAL, 0, 0)
    case .exp: (CSIMD_EXP, 0, 0)
    case .abs: (CSIMD_ABS, 0, 0)
    case .negate: (CSIMD_NEGATE, 0, 0)
    case .sign: (CSIMD_SIGN, 0, 0)
    case .round: (CSIMD_ROUND, 0, 0)
    case .floor: (CSIMD_FLOOR, 0, 0)
    case .ceil: (CSIMD_CEIL, 0, 0)
    case .leakyRelu(let slope): (CSIMD_LEAKY, slope, 0)
    case .clip(let low, let high): (CSIMD_CLIP, low, high)
    case .elu(let alpha): (CSIMD_ELU, alpha, 0)
    case .power(2): (CSIMD_SQUARE, 0, 0)
    case .affine(let scale, let shift): (CSIMD_AFFINE, scale, shift)
    case .erf, .log, .sin, .cos, .softplus, .power: nil
    }
  }
}
