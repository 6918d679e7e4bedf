// Definition of the noisy input: one Philox block per pixel, a count over the whole compare table, clamp, look-up.

import Compute
import Tensors

extension AddNoise {
  public func validate(_ list: CommandList) throws(ShapeError) {
    let name = Self.name
    try require(
      list[images].shape.count == 2 && (list[images].type == .uint8 || list[images].type == .float32),
      "\(name) expects images [slots, values] in uint8 or float32, not \(list.spell(images))")
    try require(
      list[requests].shape.count == 2 && list[requests].shape[1] == Self.requestWords
        && list[requests].type == .uint32,
      "\(name) expects requests uint32 [samples, \(Self.requestWords)], not \(list.spell(requests))")
    try list.requireActivation(output, name, "output")
    let p = placement
    try require(
      min(p.height, p.width, p.channels) >= 1 && list[images].shape[1] == p.height * p.width * p.channels
        && p.modelChannel.count == p.channels && p.modelChannel.allSatisfy { $0 >= 0 },
      "\(name) expects images of \(p.height) x \(p.width) x \(p.channels) values and a model channel for each channel, "
        + "not \(list.spell(images)) and \(p.modelChannel)")
    let samples = list[requests].shape[0]
    try require(
      samples >= 1 && list[output].shape.first == samples,
      "\(name) expects an output of \(samples) samples, not \(list.spell(output))")
    let modelCount = list[output].count / samples
    let channels = p.modelChannel.max()! + 1
    let range = reach(
      [p.height, p.width, channels], [p.rowStride, p.columnStride, p.channelStride], offset: 0)
    try require(
      range.lowerBound >= 0 && range.upperBound < modelCount,
      "\(name) would place pixels at elements \(range) of a model input that has \(modelCount)")
    try require(
      law.thresholds.type == .uint64 && law.guide.count == 65536 && law.guide.type == .int32,
      "\(name) expects uint64 thresholds and a guide of 65536 entries in int32")
    if list[images].type == .uint8 {
      let span = law.highest - law.lowest + 1
      guard let lookup = law.lookup else {
        throw ShapeError("\(name) expects a look-up table for 8-bit images; the noise law has none")
      }
      try require(
        lookup.type == .float32 && span >= 1 && lookup.count >= channels * span,
        "\(name) expects a float32 look-up table of \(channels) x \(span) numbers, not \(lookup.shape)")
    }
  }

  public func reference(_ memory: HostMemory) {
    let list = memory.list
    let thresholds = law.thresholds.elements(as: UInt64.self)
    let words = memory.elements(requests, as: UInt32.self)
    let samples = list[requests].shape[0]
    let slots = list[images].shape[0]
    let count = placement.height * placement.width * placement.channels
    let modelCount = list[output].count / samples
    let integral = list[images].type == .uint8
    let table = law.lookup?.floats ?? []
    let span = law.highest - law.lowest + 1
    let x = memory.loadFloats(images)
    var result = Array(repeating: Float(0), count: samples * modelCount)
    for sample in 0..<samples {
      let request = Array(words[sample * Self.requestWords..<(sample + 1) * Self.requestWords])
      precondition(Int(request[0]) < slots, "a noise request names image slot \(request[0]) of \(slots)")
      for pixel in 0..<count {
        let u = Self.noiseWord(request, pixel: pixel)
        let z = thresholds.count { u >= $0 } - law.center
        let (row, column, channel) = placement.coordinates(of: pixel)
        let model = placement.modelChannel[channel]
        let target =
          row * placement.rowStride + column * placement.columnStride + model * placement.channelStride
        let number = x[Int(request[0]) * count + pixel]
        if integral {
          let y = min(max(Int(number) + z, law.lowest), law.highest)
          result[sample * modelCount + target] = table[model * span + y - law.lowest]
        } else {
          result[sample * modelCount + target] = number.addingProduct(Float(z), law.step)
        }
      }
    }
    memory.storeFloats(result, to: output)
  }

  /// The 64-bit word of a pixel under a request (slot, key, key, sample low, sample high, stream, ...).
  package static func noiseWord(_ request: [UInt32], pixel: Int) -> UInt64 {
    let words = philox([UInt32(pixel >> 1), request[3], request[4], request[5]], key: [request[1], request[2]])
    return UInt64(words[2 * (pixel & 1) + 1]) << 32 | UInt64(words[2 * (pixel & 1)])
  }

  /// Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, section 4.3).
  private static func philox(_ counter: [UInt32], key: [UInt32]) -> [UInt32] {
    var c = counter
    var k = key
    for _ in 0..<10 {
      let first = (0xD251_1F53 as UInt32).multipliedFullWidth(by: c[0])
      let second = (0xCD9E_8D57 as UInt32).multipliedFullWidth(by: c[2])
      c = [second.high ^ c[1] ^ k[0], second.low, first.high ^ c[3] ^ k[1], first.low]
      k = [k[0] &+ 0x9E37_79B9, k[1] &+ 0xBB67_AE85]
    }
    return c
  }
}

extension AddNoise.Placement {
  /// The row, column and channel of a stored pixel.
  func coordinates(of pixel: Int) -> (row: Int, column: Int, channel: Int) {
    (pixel / (width * channels), pixel / channels % width, pixel % channels)
  }
}
