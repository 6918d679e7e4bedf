// Slices copied whole; a float32 constant is rounded on the way where the output is bfloat16.

import CSIMD
import Compute
import Tensors

extension Gather {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    let list = context.list
    guard FloatAccess.covers(list, data, output) else { return nil }
    let inBuffer = Numbers(count: inner)
    let outBuffer = Numbers(count: inner)
    return { memory in
      let source = FloatAccess(data, memory, buffer: inBuffer)
      let target = FloatAccess(output, memory, buffer: outBuffer)
      let picks = resolvedIndices(memory)
      for o in 0..<outer {
        for (position, pick) in picks.enumerated() {
          let place = (o * picks.count + position) * inner
          let y = target.target(place)
          if let pick {
            y.update(from: source.read((o * length + pick) * inner, inner), count: inner)
          } else {
            y.update(repeating: .nan, count: inner)
          }
          target.commit(place, inner)
        }
      }
    }
  }
}
