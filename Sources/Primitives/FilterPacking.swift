// Filters in the layouts that the OpenCL kernels read. Packing happens once per prepared list.

import Compute
import Tensors

/// Constant filters rearranged for a kernel.
enum FilterPacking {
  /// Panels for the explicit-vector kernels: [groups][blocks][k][width], zero beyond the last output of a group.
  ///
  /// `filter` is [groups * outputs][k], or [k][outputs] when `isTransposed` (a matrix product's right operand).
  static func panels(
    _ filter: Tensor, groups: Int, outputs: Int, k: Int, width: Int, isTransposed: Bool = false
  ) -> Tensor {
    let blocks = quotient(outputs, width)
    return Tensor(shape: [groups, blocks, k, width], type: .float32) { bytes in
      let target = bytes.bindMemory(to: Float.self).baseAddress!
      filter.withElements(as: Float.self) { source in
        let from = source.baseAddress!
        for group in 0..<groups {
          for block in 0..<blocks {
            let panel = target + (group * blocks + block) * k * width
            for lane in 0..<min(width, outputs - block * width) {
              let output = block * width + lane
              if isTransposed {
                for index in 0..<k { panel[index * width + lane] = from[index * outputs + output] }
              } else {
                let row = from + (group * outputs + output) * k
                for index in 0..<k { panel[index * width + lane] = row[index] }
              }
            }
          }
        }
      }
    }
  }

  /// A bias in blocks of `width` per group, zero where absent and beyond the last output.
  static func bias(_ bias: Tensor?, groups: Int, outputs: Int, width: Int) -> Tensor {
    let padded = quotient(outputs, width) * width
    return Tensor(shape: [groups, padded], type: .float32) { bytes in
      guard let bias else { return }
      let target = bytes.bindMemory(to: Float.self).baseAddress!
      bias.withElements(as: Float.self) { source in
        for group in 0..<groups {
          for output in 0..<outputs { target[group * padded + output] = source[group * outputs + output] }
        }
      }
    }
  }

  /// Depthwise filters [channels][taps] as [taps][channels padded to `width`].
  static func taps(_ filter: Tensor, channels: Int, taps: Int, width: Int) -> Tensor {
    let padded = quotient(channels, width) * width
    return Tensor(shape: [taps, padded], type: .float32) { bytes in
      let target = bytes.bindMemory(to: Float.self).baseAddress!
      filter.withElements(as: Float.self) { source in
        for channel in 0..<channels {
          for tap in 0..<taps { target[tap * padded + channel] = source[channel * taps + tap] }
        }
      }
    }
  }

  /// Filters [outputs][taps][channels] as [outputs][k], k padded with zeros to a multiple of `slab`.
  ///
  /// `filter` is [k][outputs] when `isTransposed`.
  static func rows(
    _ filter: Tensor, outputs: Int, k: Int, slab: Int, isTransposed: Bool = false
  ) -> Tensor {
    let padded = quotient(k, slab) * slab
    return Tensor(shape: [outputs, padded], type: .float32) { bytes in
      let target = bytes.bindMemory(to: Float.self).baseAddress!
      filter.withElements(as: Float.self) { source in
        for output in 0..<outputs {
          for index in 0..<k {
            target[output * padded + index] = source[isTransposed ? index * outputs + output : output * k + index]
          }
        }
      }
    }
  }

  /// The panel width that wastes least: 32 lanes are faster unless they add much padding.
  static func panelWidth(outputs: Int) -> Int {
    let wide = quotient(outputs, 32) * 32
    let narrow = quotient(outputs, 16) * 16
    return wide * 4 > narrow * 5 ? 16 : 32
  }
}
