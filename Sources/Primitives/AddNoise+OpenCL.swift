import Compute
import Tensors

extension AddNoise {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    let storage = try list.storage(["STORED": output], step: Self.name)
    let pixels = placement.height * placement.width * placement.channels
    let samples = list[requests].shape[0]
    let modelCount = list[output].count / samples
    let isReal = list[images].type == .float32
    let defines = (isReal ? [KernelLaunch.Define("REAL_IMAGES", 1)] : []) + storage
    let pairs = quotient(pixels, 2)
    let channelMap = Tensor(
      shape: [placement.channels], type: .int32, elements: placement.modelChannel.map { Int32($0) })
    let tables: [KernelLaunch.Argument] = [
      .packed(law.thresholdsWithSentinel), .packed(law.guide), law.lookup.map { .packed($0) } ?? .none,
      .packed(channelMap),
    ]
    let numbers: [KernelLaunch.Argument] = [
      .int(list[images].shape[0]), .int(pixels), .long(modelCount), .int(law.thresholds.count), .int(law.center),
      .int(law.lowest), .int(law.highest), .float32(law.step), .int(placement.width), .int(placement.channels),
      .long(placement.rowStride), .long(placement.columnStride), .long(placement.channelStride),
    ]
    let operands = [.value(images), .value(requests), .value(output)] + tables + numbers
    let run = 512
    let noise =
      traits.usesVectors
      ? KernelLaunch.single(
        "smoothing/add_noise.cl", "add_noise_runs", defines: defines, over: [quotient(pairs, run), samples],
        arguments: operands + [.int(run)])
      : KernelLaunch(
        "smoothing/add_noise.cl", "add_noise", defines: defines, arguments: operands,
        globalSize: [quotient(pairs, traits.elementGroup) * traits.elementGroup, samples],
        localSize: [traits.elementGroup, 1])
    // Elements of the model's input that no pixel reaches are zero.
    if modelCount == pixels { return [noise] }
    let count = list[output].count
    let clear = KernelLaunch.elements(
      "elementwise/fill.cl", "fill", defines: storage, count: count, traits,
      arguments: [.value(output), .uint64(UInt64(count)), .float32(0)])
    return [clear, noise]
  }
}

extension AddNoise.NoiseLaw {
  /// The thresholds and one more, so that a kernel may compare before it looks at the count.
  fileprivate var thresholdsWithSentinel: Tensor {
    Tensor(
      shape: [thresholds.count + 1], type: .uint64, elements: thresholds.elements(as: UInt64.self) + [UInt64.max])
  }
}
