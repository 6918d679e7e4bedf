// A network's first convolution, its ReLU and the pooling after it, as one step.

import Compute
import Tensors

/// output = the largest of 3 x 3, stride 2, of ReLU(bias + filter * input), by nvidia/convolve_pool.cl.
struct ConvolveMaxPool: DeviceFusedPrimitive {
  static var name: String { "convolve_max_pool" }
  static let tile = "wgmmapool64"
  let convolution: Convolve
  let pool: Pool

  var parts: [any Primitive] { [convolution, pool] }

  /// The bytes of local memory for rows of the convolution's result of a width.
  static func localBytes(width: Int) -> Int { 4 * 8192 + 8 * 2 * (width + 3) * 16 + 2048 + 3 * width * 128 + 64 }

  func isTaken(_ list: CommandList, on traits: DeviceTraits) -> Bool {
    guard traits.usesTiles, traits.rungs.contains(.warpgroup), traits.computeCapability == 90 else { return false }
    let shape = list[convolution.output].shape
    let (height, width) = (shape[1], shape[2])
    let window = convolution.window
    let bounds = convolution.activation.bounds
    guard list[convolution.output].type != .float32, convolution.groups == 1, convolution.residual == nil,
      window.rows <= 8, window.columns <= 8, window.strideRows == 2, window.isUniform,
      list[convolution.input].shape[3] <= 4, shape[3] == 64, bounds.low == 0, bounds.high >= 0
    else { return false }
    guard height % 2 == 0, width % 2 == 0, width <= 128, shape[0] * (height + 3) * (width + 3) * 16 < 1 << 31
    else { return false }
    let pooling = pool.window
    guard pool.kind == .maximum, pooling.rows == 3, pooling.columns == 3, pooling.strideRows == 2, pooling.isUniform,
      pooling.top == 1, pooling.left == 1, list[pool.output].shape == [shape[0], height / 2, width / 2, 64]
    else { return false }
    return traits.admits(tile: Self.tile, localBytes: Self.localBytes(width: width))
  }

  func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    let problem = try convolution.denseConvolution(list)
    let (height, width) = (problem.outHeight, problem.outWidth)
    let storage = problem.storage
    let count = problem.images * (height + 3) * (width + 3) * 16
    let blocks = KernelLaunch.Argument.scratch(count * 2)
    // Pooled rows of a work-group: few enough for every unit to have some, enough not to repeat much.
    let strip = min(14, height / 2)
    var launch = KernelLaunch(
      "nvidia/convolve_pool.cl", "convolve_pool",
      defines: [.init("HEIGHT", height), .init("WIDTH", width), .init("STRIP", strip)] + storage,
      arguments: [
        blocks,
        .packed(
          FilterPacking.slabs(
            problem.blockFilter(block: 16, taps: 4, channelPitch: 4), outputs: 64, taps: 4, channels: 64,
            type: problem.type, tileColumns: 64)),
        .packed(FilterPacking.bias(problem.bias, groups: 1, outputs: 64, width: 1)), .value(pool.output),
        .float32(convolution.activation.bounds.high),
      ], globalSize: [quotient(height / 2, strip) * 256, problem.images], localSize: [256, 1])
    launch.tile = Self.tile
    launch.edit = ProgramEdit(usesArchitecture: true)
    return [
      problem.spaceToDepth(
        to: blocks, rows: height + 3, columns: width + 3, block: 16, channelPitch: 4, isPlanar: true, traits), launch,
    ]
  }
}

extension FusionRule {
  /// A convolution whose result only a pooling step reads.
  static let convolveMaxPool = FusionRule { uses, last in
    let list = uses.list
    guard let pool = list.steps[last] as? Pool, let first = uses.maker(of: pool.input, for: last),
      let convolution = list.steps[first] as? Convolve, convolution.output == pool.input,
      uses.isUnchanged(convolution.input, from: first, to: last)
    else { return nil }
    return ([first, last], ConvolveMaxPool(convolution: convolution, pool: pool))
  }
}
