// Reductions by vector loops: row after row into the result, or along the row where the inner extent is 1.

import CSIMD
import Compute
import Tensors

extension Reduce {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    guard FloatAccess.covers(context.list, input, output) else { return nil }
    let inBuffer = Numbers(count: max(inner, inner == 1 ? length : 1))
    let outBuffer = Numbers(count: inner)
    return { memory in
      let source = FloatAccess(input, memory, buffer: inBuffer)
      let target = FloatAccess(output, memory, buffer: outBuffer)
      for o in 0..<outer {
        let y = target.target(o * inner)
        if inner == 1 {
          let row = source.read(o * length, length)
          switch operation {
          case .sum, .mean: y[0] = csimd_sum(row, length)
          case .maximum: y[0] = UnsafeBufferPointer(start: row, count: length).reduce(-.infinity, larger)
          case .minimum: y[0] = UnsafeBufferPointer(start: row, count: length).reduce(.infinity, smaller)
          }
        } else {
          y.update(from: source.read(o * length * inner, inner), count: inner)
          for index in 1..<max(length, 1) {
            let row = source.read((o * length + index) * inner, inner)
            switch operation {
            case .sum, .mean: csimd_add_into(y, row, inner)
            case .maximum: csimd_maximum_into(y, row, inner)
            case .minimum: csimd_minimum_into(y, row, inner)
            }
          }
        }
        if operation == .mean {
          var divisor = Float(length)
          csimd_binary(CSIMD_DIVIDE, y, 1, &divisor, 0, y, inner)
        }
        target.commit(o * inner, inner)
      }
    }
  }
}
