// The published noise words of reference/soundness.md, through AddNoise, on every instruction set of the CPU loops.

import CPUCompute
import Compute
import Primitives
import Tensors
import TestSupport
import Testing

@Suite struct NoiseVectorTests {
  /// S084 to S088: the word u of key, stream, sample and pixel. A table of two thresholds, u and u + 1, turns the real
  /// route into a test for equality: z = 1 for u itself, and 0 or 2 for its neighbours.
  @Test(.enabled(if: TestData.isAvailable("soundness/vectors.csv"), "the soundness vectors are not there"))
  func pixelNoiseIsThatOfTheVectors() throws {
    var tested = 0
    for line in try TestData.lines(TestData.path("soundness/vectors.csv")) where line.contains(",pixel_noise,") {
      let fields = line.split(separator: ",")
      var parameters: [Substring: Substring] = [:]
      for item in fields[2].split(separator: ";") {
        let parts = item.split(separator: "=")
        parameters[parts[0]] = parts[1]
      }
      let key = parameters["key"]!.split(separator: " ").map { UInt32($0, radix: 16)! }
      let sample = UInt64(parameters["sample"]!)!
      let pixel = Int(parameters["pixel"]!)!
      let u = UInt64(fields[3].split(separator: ";")[0].dropFirst(2))!
      let request: [UInt32] = [
        0, key[0], key[1], UInt32(truncatingIfNeeded: sample), UInt32(sample >> 32), UInt32(parameters["stream"]!)!, 0,
        0,
      ]
      #expect(AddNoise.noiseWord(request, pixel: pixel) == u, "\(line)")
      let (list, images, requests, output) = try realNoise(thresholds: [u, u + 1], center: 0, pixels: pixel + 1)
      for step in fastSteps(list) + [list.steps[0].reference] {
        let result = execute(
          list, step, images: [Float](repeating: 0, count: pixel + 1), images, request, requests, output)
        #expect(result[pixel] == 1, "\(line)")
      }
      tested += 1
    }
    #expect(tested == 5)
  }

  /// Thresholds that share their upper halves and come in swarms exercise every branch of the count.
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func everyInstructionSetCountsAlike(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let count = 100 + Int(seed) * 13
    let request: [UInt32] = [0, UInt32(seed), 77, 5, 0, 1, 0, 0]
    let words = (0..<count).map { AddNoise.noiseWord(request, pixel: $0) }
    var thresholds: [UInt64] = [0, .max]
    for word in words.prefix(60) {
      thresholds += [
        word, word &+ 1, word & ~0xffff_ffff, word | 0xffff_ffff, word &- UInt64.random(in: 0..<9, using: &generator),
      ]
    }
    thresholds.sort()
    let (list, images, requests, output) = try realNoise(thresholds: thresholds, center: 3, pixels: count)
    // z = #{j : T_j <= u} - 3, written out.
    let expected = words.map { word in Float(thresholds.count { $0 <= word } - 3) }
    for step in fastSteps(list) + [list.steps[0].reference] {
      let result = execute(
        list, step, images: [Float](repeating: 0, count: count), images, request, requests, output)
      #expect(result == expected, "seed \(seed)")
    }
  }

  /// The step for each instruction set that this processor has.
  private func fastSteps(_ list: CommandList) -> [CPUStep] {
    AddNoise.levels.compactMap { (list.steps[0] as! AddNoise).fastStep(list, level: $0) }
  }

  private func realNoise(
    thresholds: [UInt64], center: Int, pixels: Int
  ) throws(ShapeError) -> (CommandList, Value, Value, Value) {
    var guide: [Int32] = []
    var below = 0
    for cell in 0..<65536 {
      while below < thresholds.count && thresholds[below] <= UInt64(cell) << 48 { below += 1 }
      guide.append(Int32(below))
    }
    var list = CommandList()
    let images = list.input([1, pixels], .float32, name: "images")
    let requests = list.input([1, AddNoise.requestWords], .uint32, name: "requests")
    let output = list.output([1, pixels], .float32, name: "output")
    let law = AddNoise.NoiseLaw(
      thresholds: Tensor(shape: [thresholds.count], type: .uint64, elements: thresholds),
      guide: Tensor(shape: [65536], type: .int32, elements: guide), center: center, lowest: 0, highest: 0, lookup: nil,
      step: 1)
    let placement = AddNoise.Placement(
      height: 1, width: pixels, channels: 1, rowStride: pixels, columnStride: 1, channelStride: 1, modelChannel: [0])
    try list.append(AddNoise(images: images, requests: requests, output: output, law: law, placement: placement))
    return (list, images, requests, output)
  }

  private func execute(
    _ list: CommandList, _ step: CPUStep, images: [Float], _ imageValue: Value, _ request: [UInt32],
    _ requestValue: Value,
    _ output: Value
  ) -> [Float] {
    let memory = list.values.map { UnsafeMutableRawPointer.allocate(byteCount: $0.byteCount + 64, alignment: 64) }
    defer { for one in memory { one.deallocate() } }
    let host = HostMemory(list: list, addresses: memory)
    host.storeFloats(images, to: imageValue)
    _ = host.elements(requestValue, as: UInt32.self).update(fromContentsOf: request)
    step(host)
    return host.loadFloats(output)
  }
}
