// Strided copies run by run: memory copies where both sides are dense, else a plain loop.

import Compute
import Glibc
import Tensors

extension CopyStrided {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    let walk = MergedWalk(extents, [inputStrides, outputStrides])
    let size = context.list[input].type.size
    let (extent, strides) = walk.inner
    if strides == [1, 1] || (strides[0] == 0 && extent == 1) {
      return { memory in
        let source = memory.address(input) + inputOffset * size
        let target = memory.address(output) + outputOffset * size
        walk.forEachRun { memcpy(target + $1 * size, source + $0 * size, extent * size) }
      }
    }
    return { memory in
      switch size {
      case 1: copy(memory, walk, UInt8.self)
      case 2: copy(memory, walk, UInt16.self)
      case 4: copy(memory, walk, UInt32.self)
      default: copy(memory, walk, UInt64.self)
      }
    }
  }

  @inline(__always)
  private func copy<Element: BitwiseCopyable>(_ memory: HostMemory, _ walk: MergedWalk, _ type: Element.Type) {
    let source = memory.elements(input, as: type).baseAddress! + inputOffset
    let target = memory.elements(output, as: type).baseAddress! + outputOffset
    let (extent, strides) = walk.inner
    let (from, to) = (strides[0], strides[1])
    walk.forEachRun { first, second in
      for index in 0..<extent { target[second + index * to] = source[first + index * from] }
    }
  }
}
