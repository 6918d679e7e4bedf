import Certificates

/// Noisy pixels of chosen samples, drawn by the checker's own code: its table, its Philox, its look-up table.
package struct CheckedSampler: Sendable {
  private let thresholds: [UInt64]
  private let half: Int
  private let lowest: Int
  private let highest: Int
  private let arithmetic: NoiseDescription.Arithmetic
  private let step: Float

  /// - Parameter table: the table of the law's sigma, or of sigma 1 for real-valued images.
  package init(table: CheckedNoiseTable, noise: NoiseDescription) throws(StatisticsRejection) {
    thresholds = table.thresholds.filter { $0 <= UInt128(UInt64.max) }.map { UInt64($0) }
    half = table.half
    lowest = 255 - table.half
    highest = table.half
    arithmetic = noise.arithmetic
    step = Float(try ExactRational(decimal: noise.sigma).approximation / 255)
  }

  /// The noisy integers y = clamp(X + z) of an 8-bit image, in storage order.
  /// - Complexity: about 60 ns a pixel.
  package func pixels(
    of image: [UInt8], key: (UInt32, UInt32), stream: UInt32, sample: UInt64
  ) -> [Int32] {
    var result = [Int32](repeating: 0, count: image.count)
    forEachNoise(count: image.count, key: key, stream: stream, sample: sample) { pixel, z in
      result[pixel] = Int32(min(highest, max(lowest, Int(image[pixel]) + z)))
    }
    return result
  }

  /// The noisy numbers fma(z, sigma / 255, x) of a real-valued input, in storage order.
  package func numbers(
    of input: [Float], key: (UInt32, UInt32), stream: UInt32, sample: UInt64
  ) -> [Float] {
    var result = [Float](repeating: 0, count: input.count)
    forEachNoise(count: input.count, key: key, stream: stream, sample: sample) { pixel, z in
      result[pixel] = input[pixel].addingProduct(Float(z), step)
    }
    return result
  }

  private func forEachNoise(
    count: Int, key: (UInt32, UInt32), stream: UInt32, sample: UInt64, _ body: (Int, Int) -> Void
  ) {
    for pair in 0..<((count + 1) / 2) {
      let words = CheckedPhilox.words(
        counter: (UInt32(pair), UInt32(truncatingIfNeeded: sample), UInt32(truncatingIfNeeded: sample >> 32), stream),
        key: key)
      body(2 * pair, noise(UInt64(words.1) << 32 | UInt64(words.0)))
      if 2 * pair + 1 < count { body(2 * pair + 1, noise(UInt64(words.3) << 32 | UInt64(words.2))) }
    }
  }

  /// #{j : u >= T_j} - M by bisection.
  private func noise(_ word: UInt64) -> Int {
    var low = 0
    var high = thresholds.count
    while low < high {
      let middle = (low + high) / 2
      if word >= thresholds[middle] { low = middle + 1 } else { high = middle }
    }
    return low - half
  }
}

/// The table from noisy pixels to the model's numbers, recomputed from the preprocessing's text.
package struct CheckedLookup: Sendable {
  /// One table per model channel, for y = lowest ... highest.
  package let tables: [[Float]]
  package let lowest: Int

  /// - Throws: a sentence if the text is no preprocessing.
  package init(preprocessing text: String, half: Int, channels: Int) throws(StatisticsRejection) {
    struct Fields: Decodable {
      let scale: Double
      let mean: [Double]
      let std: [Double]
    }
    let fields: Fields
    do {
      fields = try JSONText.decode(Fields.self, from: text.utf8)
    } catch {
      throw StatisticsRejection("The preprocessing in run.json is not one: \(error).")
    }
    guard [1, channels].contains(fields.mean.count), [1, channels].contains(fields.std.count) else {
      throw StatisticsRejection("The preprocessing in run.json has numbers for another count of channels.")
    }
    let lowest = 255 - half
    self.lowest = lowest
    tables = (0..<channels).map { channel in
      let mean = fields.mean[fields.mean.count == 1 ? 0 : channel]
      let std = fields.std[fields.std.count == 1 ? 0 : channel]
      return (lowest...half).map { Float((Double($0) * fields.scale / 255 - mean) / std) }
    }
  }

  /// The bytes whose SHA-256 stands in a classifier's identity: little-endian binary32, channel after channel.
  package var bytes: [UInt8] {
    tables.flatMap { $0 }.flatMap { number in
      (0..<4).map { UInt8(truncatingIfNeeded: number.bitPattern >> (8 * UInt32($0))) }
    }
  }
}
