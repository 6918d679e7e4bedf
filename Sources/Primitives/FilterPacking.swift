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

  /// Filters [outputs][taps][channels], each tap's channels padded with zeros to a multiple of `slab`; the rows of a
  /// second filter [outputs][channels] follow, padded likewise. One tap of all k values pads at the end only.
  ///
  /// `filter` is [channels][outputs] when `isTransposed`, which is for one tap.
  static func rows(
    _ filter: Tensor, outputs: Int, taps: Int = 1, channels: Int, slab: Int, isTransposed: Bool = false,
    second: Tensor? = nil
  ) -> Tensor {
    let width = quotient(channels, slab) * slab
    let more = second.map { $0.count / outputs } ?? 0
    let padded = taps * width + quotient(more, slab) * slab
    return Tensor(shape: [outputs, padded], type: .float32) { bytes in
      let target = bytes.bindMemory(to: Float.self).baseAddress!
      filter.withElements(as: Float.self) { source in
        for output in 0..<outputs {
          for tap in 0..<taps {
            for channel in 0..<channels {
              target[output * padded + tap * width + channel] =
                source[isTransposed ? channel * outputs + output : (output * taps + tap) * channels + channel]
            }
          }
        }
      }
      second?.withElements(as: Float.self) { source in
        for output in 0..<outputs {
          for channel in 0..<more {
            target[output * padded + taps * width + channel] = source[output * more + channel]
          }
        }
      }
    }
  }

  /// Filters of 16-bit activations for tensor cores: [outputs][taps][channels padded with zeros to a multiple of 64],
  /// each weight rounded to `type`, to nearest.
  ///
  /// With `tileColumns`: [column tile][slab of 64 k values][tileColumns rows of 64], zero beyond the last output, the
  /// eight 16-byte chunks of a row XORed with the row, as nvidia/convolve_tensor.cl wants them for bulk copies.
  /// `filter` is [outputs][taps][channels], or [channels][outputs] when `isTransposed`; the slabs of a second filter
  /// [outputs][channels] follow.
  static func slabs(
    _ filter: Tensor, outputs: Int, taps: Int, channels: Int, type: ElementType, isTransposed: Bool = false,
    second: Tensor? = nil, tileColumns: Int? = nil
  ) -> Tensor {
    let padded = quotient(channels, 64) * 64
    let more = second.map { $0.count / outputs } ?? 0
    let depth = taps * padded + quotient(more, 64) * 64
    let rows = tileColumns.map { quotient(outputs, $0) * $0 } ?? outputs
    return Tensor(shape: [rows, depth], type: type) { bytes in
      let target = bytes.bindMemory(to: UInt16.self).baseAddress!
      func store(_ weight: Float, _ output: Int, _ k: Int) {
        var to = output * depth + k
        if let tileColumns {
          let row = output % tileColumns
          let slab = output / tileColumns * (depth / 64) + k / 64
          to = (slab * tileColumns + row) * 64 + ((k % 64 / 8) ^ (row & 7)) * 8 + k % 8
        }
        target[to] = type == .bfloat16 ? bfloat16(weight) : half(weight)
      }
      filter.withElements(as: Float.self) { source in
        for output in 0..<outputs {
          for tap in 0..<taps {
            for channel in 0..<channels {
              let from = isTransposed ? channel * outputs + output : (output * taps + tap) * channels + channel
              store(source[from], output, tap * padded + channel)
            }
          }
        }
      }
      second?.withElements(as: Float.self) { source in
        for output in 0..<outputs {
          for channel in 0..<more { store(source[output * more + channel], output, taps * padded + channel) }
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
