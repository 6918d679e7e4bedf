// Ungrouped convolutions as implicit matrix products on GPUs, shared by convolutions and by matrix products with a
// constant right operand: the problem, and the choice among the kernels that solve it.

import Compute
import Tensors

/// An ungrouped convolution of activations with a constant filter.
struct DenseConvolution {
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
  var type: ElementType
  /// A convolution of one pixel, without a bias, of another input, whose sums are added to these; only for windows of one
  /// pixel.
  var second: Second?
  /// Numbers from one pixel of the input to the next where windows overlap within a row; the channels elsewhere.
  var pixelStride: Int?

  /// A second source of k values: a strided 1 x 1 convolution to the same outputs.
  struct Second {
    var input: KernelLaunch.Argument
    /// [outputs][channels].
    var filter: Tensor
    var height: Int
    var width: Int
    var channels: Int
    var stride: Int
  }

  var taps: Int { window.rows * window.columns }
  var k: Int { taps * channels }
  /// Whether a kernel may address all elements by 32 bits, for rows of the filter of `depth` values.
  func isAddressable(depth: Int) -> Bool {
    let limit = 1 << 31
    if let second, images * second.height * second.width * second.channels >= limit { return false }
    return images * height * width * (pixelStride ?? channels) < limit && depth * quotient(outputs, 256) * 256 < limit
      && pixels < limit
  }

  /// The launches of the best kernel that the device admits, with the tiles that it may measure against each other; nil
  /// where none fits.
  func launches(_ traits: DeviceTraits) -> [KernelLaunch]? {
    if second == nil, let launches = blocked(traits) { return launches }
    let choices = type == .float32 ? pipelined(traits) : (rows(traits).map { [$0] } ?? []) + tensor(traits)
    guard var launch = choices.first else { return second == nil ? tiled(traits).map { [$0] } : nil }
    launch.alternatives = Array(choices.dropFirst())
    return [launch]
  }

  /// The definitions that say how activations are stored.
  var storage: [KernelLaunch.Define] { type == .float32 ? [] : [.init("STORED", type.rawValue)] }

  /// R1, dense/convolve_tiled.cl: slabs of 16 k values.
  ///
  /// Nil where 32-bit offsets do not reach or the device has too little local memory.
  private func tiled(_ traits: DeviceTraits) -> KernelLaunch? {
    let slab = 16
    let depth = quotient(k, slab) * slab
    guard isAddressable(depth: depth), traits.maximumWorkGroup >= 128, traits.localMemory >= 32 << 10
    else { return nil }
    // Four channels at a time where they share a tap; taps are kept in a 32-bit mask there.
    let isQuad = channels % 4 == 0 && taps <= 32
    let columns = outputs > 64 ? 128 : 64
    return KernelLaunch(
      "dense/convolve_tiled.cl", "convolve_tiled",
      defines: [.init("QUADS", isQuad ? 1 : 0), .init("TILE_COLUMNS", columns)] + storage,
      arguments: [
        input,
        .packed(FilterPacking.rows(filter, outputs: outputs, channels: k, slab: slab, isTransposed: isTransposed)),
        .packed(FilterPacking.bias(bias, groups: 1, outputs: outputs, width: 1)), residual, output, .int(pixels),
        .int(depth), .int(height), .int(width), .int(channels), .int(outHeight), .int(outWidth), .int(outputs),
        .int(window.rows),
      ] + placement + activation.launchArguments,
      globalSize: [quotient(outputs, columns) * 128, quotient(pixels, 128)], localSize: [128, 1])
  }

  /// The kernel's arguments from the window's columns to its left margin.
  var placement: [KernelLaunch.Argument] {
    [
      .int(window.columns), .int(window.strideRows), .int(window.strideColumns), .int(window.dilationRows),
      .int(window.dilationColumns), .int(window.top), .int(window.left),
    ]
  }

  /// The kernel's arguments for the second source, whose k values start at `firstDepth`.
  func secondArguments(_ firstDepth: Int) -> [KernelLaunch.Argument] {
    guard let second else { return [] }
    return [
      second.input, .int(firstDepth), .int(second.height), .int(second.width), .int(second.channels),
      .int(second.stride),
    ]
  }
}
