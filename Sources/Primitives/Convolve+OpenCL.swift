import Compute
import Tensors

extension Convolve {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    let storage = try list.storage(["STORED": output], step: Self.name)
    let channels = list[input].shape[3]
    let isDepthwise = groups > 1 && groups == channels && list[output].shape[3] == channels
    if traits.usesVectors && storage.isEmpty {
      if isDepthwise { return [try depthwiseVector(list)] }
      // Few outputs per group would leave most lanes of a panel empty.
      if groups == 1 || list[output].shape[3] / groups >= 8 { return [try vector(list, traits)] }
    }
    if traits.usesTiles {
      if isDepthwise, storage.isEmpty, let launch = try depthwiseStrip(list, traits) { return [launch] }
      if groups == 1, let launches = try tiled(list, traits) { return launches }
    }
    return [direct(list, traits, storage)]
  }

  private var windowArguments: [KernelLaunch.Argument] {
    [
      .int(window.rows), .int(window.columns), .int(window.strideRows), .int(window.strideColumns),
      .int(window.dilationRows), .int(window.dilationColumns), .int(window.top), .int(window.left),
    ]
  }

  private func direct(_ list: CommandList, _ traits: DeviceTraits, _ storage: [KernelLaunch.Define]) -> KernelLaunch {
    let count = list[output].count
    return .elements(
      "dense/convolve_direct.cl", "convolve_direct", defines: storage, count: count, traits,
      arguments: [
        .value(input), .value(filter), .optional(bias), .optional(residual), .value(output), .uint64(UInt64(count)),
      ] + window.launchGeometry(list[input].shape, list[output].shape) + [.int(groups)] + activation.launchArguments)
  }

  private func constants(_ list: CommandList) throws(ShapeError) -> (filter: Tensor, bias: Tensor?) {
    let filter = try list.constantFloats(self.filter, step: Self.name)
    guard let bias else { return (filter, nil) }
    return (filter, try list.constantFloats(bias, step: Self.name))
  }

  private func vector(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> KernelLaunch {
    let shape = list[input].shape
    let result = list[output].shape
    let channels = shape[3] / groups
    let outputs = result[3] / groups
    let (filter, bias) = try constants(list)
    let k = window.rows * window.columns * channels
    let width = FilterPacking.panelWidth(outputs: outputs)
    let pixels = result[0] * result[1] * result[2]
    let mergeable = groups == 1 && (window.dilationColumns == 1 || window.columns == 1)
    let zeros = Tensor(shape: [window.columns * channels], type: .float32) { _ in }
    return .single(
      "dense/convolve_vector.cl", "convolve_vector\(width)", defines: traits.vectorDefines,
      over: [quotient(pixels, width == 32 ? 8 : 16), quotient(outputs, width), groups],
      arguments: [
        .value(input),
        .packed(FilterPacking.panels(filter, groups: groups, outputs: outputs, k: k, width: width)),
        .packed(FilterPacking.bias(bias, groups: groups, outputs: outputs, width: width)), .optional(residual),
        .packed(zeros), .value(output), .long(pixels), .int(shape[1]), .int(shape[2]), .int(channels), .int(shape[3]),
        .int(result[1]), .int(result[2]), .int(outputs),
      ] + windowArguments + [.int(mergeable ? 1 : 0)] + activation.launchArguments)
  }

  private func depthwiseVector(_ list: CommandList) throws(ShapeError) -> KernelLaunch {
    let shape = list[input].shape
    let result = list[output].shape
    let (filter, bias) = try constants(list)
    let channels = shape[3]
    return .single(
      "dense/depthwise_vector.cl", "depthwise_vector", over: [quotient(channels, 16), result[0] * result[1]],
      arguments: [
        .value(input),
        .packed(
          FilterPacking.taps(filter, channels: channels, taps: window.rows * window.columns, width: 16)),
        .packed(FilterPacking.bias(bias, groups: 1, outputs: channels, width: 16)), .optional(residual),
        .value(output), .int(shape[1]), .int(shape[2]), .int(channels), .int(result[1]), .int(result[2]),
      ] + windowArguments + activation.launchArguments)
  }

  /// Strips of four output rows; nil where the window is not square with unit dilation or channels are no quads.
  private func depthwiseStrip(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> KernelLaunch? {
    let shape = list[input].shape
    let result = list[output].shape
    let channels = shape[3]
    guard window.rows == window.columns, window.rows <= 7, window.strideRows == window.strideColumns,
      window.strideRows <= 2, window.dilationRows == 1, window.dilationColumns == 1, channels % 4 == 0
    else { return nil }
    let (filter, bias) = try constants(list)
    let strip = 4
    let items = result[0] * quotient(result[1], strip) * result[2] * channels / 4
    return .elements(
      "dense/depthwise_strip.cl", "depthwise_strip",
      defines: [.init("EXTENT", window.rows), .init("STRIDE", window.strideRows), .init("STRIP", strip)],
      count: items, traits,
      arguments: [
        .value(input),
        .packed(FilterPacking.taps(filter, channels: channels, taps: window.rows * window.columns, width: 4)),
        .packed(FilterPacking.bias(bias, groups: 1, outputs: channels, width: 4)), .optional(residual),
        .value(output), .uint64(UInt64(items)), .int(shape[1]), .int(shape[2]), .int(channels), .int(result[1]),
        .int(result[2]), .int(window.top), .int(window.left),
      ] + activation.launchArguments)
  }

  /// A kernel in tiles of local memory; nil where none fits.
  private func tiled(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch]? {
    try denseConvolution(list).launches(traits)
  }

  /// The ungrouped convolution as the kernels in tiles see it.
  func denseConvolution(_ list: CommandList) throws(ShapeError) -> DenseConvolution {
    let shape = list[input].shape
    let result = list[output].shape
    let (filter, bias) = try constants(list)
    let pixels = result[0] * result[1] * result[2]
    return DenseConvolution(
      input: .value(input), filter: filter, isTransposed: false, bias: bias, residual: .optional(residual),
      output: .value(output), images: shape[0], height: shape[1], width: shape[2], channels: shape[3],
      outHeight: result[1], outWidth: result[2], outputs: result[3], window: window, pixels: pixels,
      activation: activation, type: list[output].type)
  }
}
