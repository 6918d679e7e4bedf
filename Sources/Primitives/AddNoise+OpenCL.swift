import Compute
import Tensors

extension AddNoise {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    try list.requireFloat32(output, step: Self.name)
    let pixels = placement.height * placement.width * placement.channels
    let samples = list[requests].shape[0]
    let modelCount = list[output].count / samples
    let isReal = list[images].type == .float32
    let pairs = traits.kind == .cpu ? 512 : 1
    let items = quotient(quotient(pixels, 2), pairs)
    let local = traits.kind == .cpu ? 1 : traits.elementGroup
    var defines: [KernelLaunch.Define] = [.init("PAIRS", pairs)]
    if isReal { defines.append(.init("REAL_IMAGES", 1)) }
    let channelMap = Tensor(
      shape: [placement.channels], type: .int32, elements: placement.modelChannel.map { Int32($0) })
    let tables: [KernelLaunch.Argument] = [
      .packed(law.thresholds), .packed(law.guide), law.lookup.map { .packed($0) } ?? .none, .packed(channelMap),
    ]
    let numbers: [KernelLaunch.Argument] = [
      .int(list[images].shape[0]), .int(pixels), .long(modelCount), .int(law.thresholds.count), .int(law.center),
      .int(law.lowest), .int(law.highest), .float32(law.step), .int(placement.width), .int(placement.channels),
      .long(placement.rowStride), .long(placement.columnStride), .long(placement.channelStride),
    ]
    let noise = KernelLaunch(
      "smoothing/add_noise.cl", "add_noise", defines: defines,
      arguments: [.value(images), .value(requests), .value(output)] + tables + numbers,
      globalSize: [quotient(items, local) * local, samples], localSize: [local, 1])
    // Elements of the model's input that no pixel reaches are zero.
    if modelCount == pixels { return [noise] }
    let count = list[output].count
    let clear = KernelLaunch.elements(
      "elementwise/fill.cl", "fill", count: count, traits,
      arguments: [.value(output), .uint64(UInt64(count)), .float32(0)])
    return [clear, noise]
  }
}
