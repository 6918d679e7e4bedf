// Convolutions of few channels on tensor cores: a network's first layer.
//
// Blocks of strideRows x strideColumns pixels become the channels of one (nvidia/space_to_depth.cl), so that the window
// moves by one block, and a row of it is 64 contiguous numbers: 64 / block blocks of `block` channels. The convolution
// then is one of 64 channels with ceil(rows / strideRows) taps below each other whose pixels overlap. For 7 x 7 windows
// of stride 2 on three channels, k is 256 instead of 147, without an unaligned read.

import Compute
import Tensors

extension DenseConvolution {
  /// The channels of a block: 8, 16, 32 or 64; nil where channels suit tensor cores as they are, or windows do not fit.
  private var block: Int? {
    let numbers = window.strideRows * window.strideColumns * channels
    guard channels % 8 != 0, window.dilationRows == 1, window.dilationColumns == 1,
      let block = [8, 16, 32, 64].first(where: { $0 >= numbers }),
      window.columns <= 64 / block * window.strideColumns
    else { return nil }
    return block
  }

  /// The launches of a convolution of few channels: the blocks, then the tiles to choose from; nil where it cannot run.
  func blocked(_ traits: DeviceTraits) -> [KernelLaunch]? {
    guard let block, type != .float32, !isTransposed else { return nil }
    let taps = quotient(window.rows, window.strideRows)
    let (rows, columns) = (outHeight + taps - 1, outWidth + 64 / block - 1)
    let count = images * rows * columns * block
    guard count < 1 << 31 else { return nil }
    var inner = self
    inner.input = .scratch(count * 2)
    inner.filter = blockFilter(block: block, taps: taps)
    (inner.height, inner.width, inner.channels, inner.pixelStride) = (rows, columns, 64, block)
    inner.window = Window(rows: taps, columns: 1)
    let choices = inner.tensor(traits)
    guard var launch = choices.first else { return nil }
    launch.alternatives = Array(choices.dropFirst())
    return [spaceToDepth(to: inner.input, rows: rows, columns: columns, block: block, traits), launch]
  }

  /// The launch that rearranges the input in [images, rows, columns] blocks of `strides` pixels, the window's by default.
  func spaceToDepth(
    to blocks: KernelLaunch.Argument, rows: Int, columns: Int, strides: (rows: Int, columns: Int)? = nil, block: Int,
    channelPitch: Int? = nil, isPlanar: Bool = false, _ traits: DeviceTraits
  ) -> KernelLaunch {
    let strides = strides ?? (window.strideRows, window.strideColumns)
    let items = images * rows * columns * block / 8
    return .elements(
      "nvidia/space_to_depth.cl", "space_to_depth",
      defines: storage + [
        .init("CHANNELS", channels), .init("PITCH", channelPitch ?? channels), .init("STRIDE_ROWS", strides.rows),
        .init("STRIDE_COLUMNS", strides.columns), .init("BLOCK", block), .init("PLANAR", isPlanar ? 1 : 0),
      ], count: items, traits,
      arguments: [
        input, blocks, .uint64(UInt64(items)), .int(height), .int(width), .int(rows), .int(columns), .int(window.top),
        .int(window.left),
      ])
  }

  /// The filter [outputs][taps][64]: weight (r, s, c) stands at tap r / strideRows, in block s / strideColumns of its 64,
  /// at (r % strideRows, s % strideColumns, c) of the block, whose pixels have `channelPitch` numbers.
  func blockFilter(block: Int, taps: Int, channelPitch: Int? = nil) -> Tensor {
    let pitch = channelPitch ?? channels
    return Tensor(shape: [outputs, taps, 1, 64], type: .float32) { bytes in
      let target = bytes.bindMemory(to: Float.self).baseAddress!
      filter.withElements(as: Float.self) { source in
        var from = 0
        for output in 0..<outputs {
          for r in 0..<window.rows {
            for s in 0..<window.columns {
              let phase = r % window.strideRows * window.strideColumns + s % window.strideColumns
              let to =
                (output * taps + r / window.strideRows) * 64 + s / window.strideColumns * block + phase * pitch
              for c in 0..<channels {
                target[to + c] = source[from]
                from += 1
              }
            }
          }
        }
      }
    }
  }
}
