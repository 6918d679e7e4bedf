// Noise on the device: the bits of the definition.

import Compute
import OpenCLCompute
import Primitives
import Tensors
import Testing

@Suite(.serialized) struct NoiseTests {
  /// A compare table of 21 steps that are not evenly spaced, with its guide.
  static func law(lookup: Tensor?) -> AddNoise.NoiseLaw {
    let thresholds = (0..<20).map { index in UInt64.max / 441 * UInt64((index + 1) * (index + 1)) &+ UInt64(index) }
    let guide = (0..<65536).map { top in Int32(thresholds.count { $0 <= UInt64(top) << 48 }) }
    return AddNoise.NoiseLaw(
      thresholds: Tensor(shape: [20], type: .uint64, elements: thresholds),
      guide: Tensor(shape: [65536], type: .int32, elements: guide), center: 10, lowest: 0, highest: 255,
      lookup: lookup, step: 0.125)
  }

  static func problem(isReal: Bool, samples: Int, side: Int) throws -> (Problem, Value) {
    var numbers = Numbers(seed: 31)
    var problem = Problem()
    let pixels = side * side * 3
    let images =
      isReal
      ? problem.input([2, pixels], numbers.floats(2 * pixels), name: "images")
      : problem.input(
        [2, pixels], .uint8, (0..<2 * pixels).map { _ in UInt8(truncatingIfNeeded: numbers.word() >> 24) })
    var words: [UInt32] = []
    for sample in 0..<samples {
      words += [UInt32(sample % 2), 0xdead_beef, 0x1234_5678, UInt32(sample) &* 0x9999_9999, UInt32(sample), 1, 0, 0]
    }
    let requests = problem.input([samples, 8], .uint32, words, name: "requests")
    let output = problem.output([samples, side, side, 3])
    let lookup = numbers.tensor([3, 256])
    let placement = AddNoise.Placement(
      height: side, width: side, channels: 3, rowStride: 3 * side, columnStride: 3, channelStride: 1,
      modelChannel: [2, 1, 0])
    try problem.list.append(
      AddNoise(
        images: images, requests: requests, output: output, law: law(lookup: isReal ? nil : lookup),
        placement: placement))
    return (problem, output)
  }

  @Test(arguments: [false, true]) func noiseHasTheBitsOfItsDefinition(_ isReal: Bool) async throws {
    let (problem, output) = try Self.problem(isReal: isReal, samples: 5, side: 21)
    try await requireEqualBytes(problem, output, isReal ? "noise on numbers" : "noise on 8-bit images")
  }
}
