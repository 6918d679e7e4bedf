// Noisy inputs: equal bits on every device, whatever the layout, at both ends of the counter's range.

import Compute
import Glibc
import Primitives
import Tensors

/// A compare table like that of the Gaussian law. It is made in binary64 for these cases only; certificates use the
/// exact table of Statistics.
private func noiseLaw(sigma: Double, channels: Int, step: Float) -> AddNoise.NoiseLaw {
  let center = 255 * (Int(sigma * 6) + 1)
  var thresholds: [UInt64] = []
  for j in -center..<center {
    let x = 0x1p63 * erfc(-(Double(j) + 0.5) / (255 * sigma * 2.0.squareRoot()))
    if x < 0x1p64 { thresholds.append(UInt64(x)) }
  }
  var guide: [Int32] = []
  var count = 0
  for cell in 0..<65536 {
    while count < thresholds.count && thresholds[count] <= UInt64(cell) << 48 { count += 1 }
    guide.append(Int32(count))
  }
  let numbers = (0..<channels * 256).map { Float($0) * 0.0173 - 1.9 }
  return AddNoise.NoiseLaw(
    thresholds: Tensor(shape: [thresholds.count], type: .uint64, elements: thresholds),
    guide: Tensor(shape: [65536], type: .int32, elements: guide), center: center, lowest: 0, highest: 255,
    lookup: Tensor(shape: [channels, 256], floats: numbers), step: step)
}

private func noise(
  _ name: String, sigma: Double, height: Int, width: Int, channels: Int, isReal: Bool = false,
  channelsFirst: Bool = false,
  reversed: Bool = false
) -> AgreementCase {
  AgreementCase(AddNoise.name, name, .exact) { builder throws(ShapeError) in
    let count = height * width * channels
    let samples = 5
    let slots = 3
    let law = noiseLaw(sigma: sigma, channels: channels, step: 1.0 / 255)
    let images =
      isReal
      ? builder.input(
        [slots, count], .float32, (0..<slots * count).map { _ in Float(builder.next() >> 40) * 0x1p-24 })
      : builder.input([slots, count], .uint8, (0..<slots * count).map { _ in UInt8(builder.next() >> 56) })
    var words: [UInt32] = []
    for sample in 0..<samples {
      let high: UInt32 = sample == 4 ? .max : UInt32(sample / 2)
      words += [
        UInt32(sample * 2 % slots), UInt32(truncatingIfNeeded: builder.next()), 0x89ab_cdef, UInt32(sample), high,
      ]
      words += [UInt32(sample % 3), 0, 0]
    }
    let requests = builder.input([samples, AddNoise.requestWords], .uint32, words)
    let model = (0..<channels).map { reversed ? channels - 1 - $0 : $0 }
    let placement =
      channelsFirst
      ? AddNoise.Placement(
        height: height, width: width, channels: channels, rowStride: width, columnStride: 1,
        channelStride: height * width, modelChannel: model)
      : AddNoise.Placement(
        height: height, width: width, channels: channels, rowStride: width * channels, columnStride: channels,
        channelStride: 1, modelChannel: model)
    try builder.append(
      AddNoise(
        images: images, requests: requests, output: builder.output([samples, count]), law: law, placement: placement))
  }
}

let noiseCases: [AgreementCase] = [
  noise("8-bit colour", sigma: 0.5, height: 33, width: 31, channels: 3),
  noise("8-bit colour, sigma 0.12", sigma: 0.12, height: 16, width: 16, channels: 3),
  noise("8-bit grey", sigma: 0.25, height: 28, width: 28, channels: 1),
  noise("channels first", sigma: 1, height: 13, width: 17, channels: 3, channelsFirst: true),
  noise("reversed channels", sigma: 0.5, height: 9, width: 7, channels: 3, reversed: true),
  noise("real", sigma: 0.5, height: 15, width: 15, channels: 3, isReal: true),
]
