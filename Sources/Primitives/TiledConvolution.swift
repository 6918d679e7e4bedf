// The launch of dense/convolve_tiled.cl, shared by convolutions and by matrix products with a constant right operand.

import Compute
import Tensors

/// An ungrouped convolution as an implicit matrix product in tiles of local memory (R1).
struct TiledConvolution {
  var input: KernelLaunch.Argument
  var filter: Tensor
  /// The filter is [k][outputs] instead of [outputs][k].
  var isTransposed: Bool
  var bias: Tensor?
  var residual: KernelLaunch.Argument
  var output: KernelLaunch.Argument
  var images: Int
  var height: Int
  var width: Int
  var channels: Int
  var outHeight: Int
  var outWidth: Int
  var outputs: Int
  var window: Window
  var pixels: Int
  var activation: FusedActivation
  /// How input, residual and output are stored.
  var storage: [KernelLaunch.Define]

  /// The number of k values that a work-group stages at a time.
  static var slab: Int { 16 }

  /// Nil where 32-bit offsets do not reach or the device has too little local memory.
  func launch(_ traits: DeviceTraits) -> KernelLaunch? {
    let taps = window.rows * window.columns
    let k = taps * channels
    let slab = Self.slab
    let limit = 1 << 31
    guard images * height * width * channels < limit, quotient(k, slab) * slab * outputs < limit,
      pixels < limit, traits.maximumWorkGroup >= 128, traits.localMemory >= 32 << 10
    else { return nil }
    // Four channels at a time where they share a tap; taps are kept in a 32-bit mask there.
    let isQuad = channels % 4 == 0 && taps <= 32
    let columns = outputs > 64 ? 128 : 64
    return KernelLaunch(
      "dense/convolve_tiled.cl", "convolve_tiled",
      defines: [.init("QUADS", isQuad ? 1 : 0), .init("TILE_COLUMNS", columns)] + storage,
      arguments: [
        input, .packed(FilterPacking.rows(filter, outputs: outputs, k: k, slab: slab, isTransposed: isTransposed)),
        .packed(FilterPacking.bias(bias, groups: 1, outputs: outputs, width: 1)), residual, output, .int(pixels),
        .int(quotient(k, slab) * slab), .int(height), .int(width), .int(channels), .int(outHeight), .int(outWidth),
        .int(outputs), .int(window.rows), .int(window.columns), .int(window.strideRows), .int(window.strideColumns),
        .int(window.dilationRows), .int(window.dilationColumns), .int(window.top), .int(window.left),
      ] + activation.launchArguments,
      globalSize: [quotient(outputs, columns) * 128, quotient(pixels, 128)], localSize: [128, 1])
  }
}
