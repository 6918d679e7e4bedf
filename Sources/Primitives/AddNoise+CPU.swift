// The noisy input by vector loops (CSIMD/noise.c), with the tables of the law turned into the form that they want.

import CSIMD
import Compute
import Tensors

extension AddNoise {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    fastStep(context.list, level: csimd_best_level())
  }

  /// The instruction sets of the loops on this processor, the best one last.
  package static var levels: ClosedRange<Int32> { 0...csimd_best_level() }

  /// The step for one instruction set of CSIMD; all give the same bits. Nil where the tables do not fit the loops.
  package func fastStep(_ list: CommandList, level: Int32) -> CPUStep? {
    let type = list[output].type
    guard type == .float32 || type == .bfloat16, let tables = Tables(law, placement, rounded: type == .bfloat16) else {
      return nil
    }
    let samples = list[requests].shape[0]
    let slots = list[images].shape[0]
    let count = placement.height * placement.width * placement.channels
    let modelCount = list[output].count / samples
    let integral = list[images].type == .uint8
    let isDense = placement.isDense && modelCount == count
    let chunk = isDense && type == .float32 ? count : min(count, 4096)
    let buffer = Numbers(count: isDense && type == .float32 ? 0 : chunk)
    return { memory in
      let words = memory.elements(requests, as: UInt32.self)
      if modelCount != count { memset(memory.address(output), memory.list[output].byteCount) }
      for sample in 0..<samples {
        let r = sample * Self.requestWords
        let slot = Int(words[r])
        precondition(slot < slots, "a noise request names image slot \(slot) of \(slots)")
        var request = csimd_noise_request(
          key: (words[r + 1], words[r + 2]), sample: (words[r + 3], words[r + 4]), stream: words[r + 5])
        for first in stride(from: 0, to: count, by: chunk) {
          let length = min(chunk, count - first)
          let target =
            isDense && type == .float32
            ? memory.elements(output, as: Float.self).baseAddress! + sample * count + first : buffer.start
          tables.withLaw { law in
            if integral {
              let pixels = memory.elements(images, as: UInt8.self).baseAddress! + slot * count + first
              csimd_noise_uint8(level, law, &request, pixels, first, length, target)
            } else {
              let pixels = memory.elements(images, as: Float.self).baseAddress! + slot * count + first
              csimd_noise_float(level, law, &request, pixels, first, length, target)
            }
          }
          switch (isDense, type) {
          case (true, .float32): break
          case (true, _):
            let patterns = memory.elements(output, as: UInt16.self).baseAddress! + sample * count + first
            csimd_narrow_bfloat16(target, patterns, length)
          case (false, .float32):
            let numbers = memory.elements(output, as: Float.self).baseAddress! + sample * modelCount
            placement.scatter(target, first: first, count: length) { numbers[$0] = $1 }
          case (false, _):
            let patterns = memory.elements(output, as: UInt16.self).baseAddress! + sample * modelCount
            placement.scatter(target, first: first, count: length) { patterns[$0] = bfloat16($1) }
          }
        }
      }
    }
  }

  /// Sets bytes to zero.
  private func memset(_ address: UnsafeMutableRawPointer, _ count: Int) {
    address.initializeMemory(as: UInt8.self, repeating: 0, count: count)
  }
}

extension AddNoise.Placement {
  /// True if the model's order is the storage order.
  var isDense: Bool {
    rowStride == width * channels && columnStride == channels && (channelStride == 1 || channels == 1)
      && modelChannel.elementsEqual(0..<channels)
  }

  /// Hands each number, which stands for pixel `first` and those after it, to its place in the model's input.
  @inline(__always)
  func scatter(_ numbers: UnsafePointer<Float>, first: Int, count: Int, _ store: (Int, Float) -> Void) {
    var (row, column, channel) = coordinates(of: first)
    let places = modelChannel.map { $0 * channelStride }
    places.withUnsafeBufferPointer { places in
      for index in 0..<count {
        store(row * rowStride + column * columnStride + places[channel], numbers[index])
        channel += 1
        if channel < channels { continue }
        channel = 0
        column += 1
        if column < width { continue }
        column = 0
        row += 1
      }
    }
  }
}

/// A buffer of binary32 numbers aligned to 64 bytes.
final class Numbers {
  let start: UnsafeMutablePointer<Float>

  init(count: Int) {
    start = UnsafeMutableRawPointer.allocate(byteCount: max(64, 4 * count), alignment: 64)
      .initializeMemory(as: Float.self, repeating: 0, count: max(16, count))
  }

  deinit { UnsafeMutableRawPointer(start).deallocate() }
}

/// The tables of a noise law in the form of csimd_noise_law; immutable.
private final class Tables {
  private let guide: [UInt16]
  private let thresholds: [UInt64]
  private let upper: [UInt32]
  private let lookup: [Float]
  private let offsets: [Int32]
  private let law: AddNoise.NoiseLaw
  private let channels: Int

  /// `rounded`: the look-up table is rounded to bfloat16 here, so that narrowing its numbers is exact.
  init?(_ law: AddNoise.NoiseLaw, _ placement: AddNoise.Placement, rounded: Bool) {
    let thresholds = law.thresholds.elements(as: UInt64.self)
    guard thresholds.count < 32768 else { return nil }
    self.law = law
    self.thresholds = thresholds
    upper = thresholds.map { UInt32(truncatingIfNeeded: $0 >> 32) } + [.max]
    guide =
      law.guide.elements(as: Int32.self).enumerated().map { cell, start in
        let next = Int(start)
        let goesOn = next < thresholds.count && thresholds[next] >> 48 == UInt64(cell)
        return UInt16(2 * next + (goesOn ? 1 : 0))
      } + [0, 0]
    let numbers = law.lookup?.floats ?? [0]
    lookup = rounded ? numbers.map { Float(bitPattern: UInt32(bfloat16($0)) << 16) } : numbers
    channels = placement.channels
    let span = law.highest - law.lowest + 1
    offsets = (0..<placement.channels + 32).map { Int32(placement.modelChannel[$0 % placement.channels] * span) }
  }

  func withLaw(_ body: (UnsafePointer<csimd_noise_law>) -> Void) {
    guide.withUnsafeBufferPointer { guide in
      thresholds.withUnsafeBufferPointer { thresholds in
        upper.withUnsafeBufferPointer { upper in
          lookup.withUnsafeBufferPointer { lookup in
            offsets.withUnsafeBufferPointer { offsets in
              var prepared = csimd_noise_law(
                guide: guide.baseAddress, thresholds: thresholds.baseAddress, upper: upper.baseAddress,
                count: Int32(thresholds.count), center: Int32(law.center), lowest: Int32(law.lowest),
                highest: Int32(law.highest), lookup: lookup.baseAddress, channel_offset: offsets.baseAddress,
                channels: Int32(channels), step: law.step)
              body(&prepared)
            }
          }
        }
      }
    }
  }
}
