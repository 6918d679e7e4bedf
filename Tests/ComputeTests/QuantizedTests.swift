// Steps on 8-bit levels: an example whose arithmetic fits in a comment, exact sums, where roundings go.

import CPUCompute
import Compute
import Primitives
import Tensors
import TestSupport
import Testing

@Suite struct QuantizedTests {
  /// The definitions, and the fast paths where the processor has them.
  private let devices = hostDevices.filter { $0.precisions.contains(.int8) }

  private func run<Level: BitwiseCopyable, Output: BitwiseCopyable>(
    _ list: CommandList, on device: any Device, _ inputs: [(Value, [Level])], read output: Value, as type: Output.Type
  ) async throws -> [Output] {
    let instance = try await device.prepare(list, instances: 1)[0]
    for (value, levels) in inputs { try instance.write(levels, to: value) }
    try await instance.run()
    return try instance.read(output, as: type)
  }

  @Test func levelsAreSummedRescaledAndRoundedOnce() async throws {
    // A 2x2 image 1 2 / 3 4, a 2x2 filter of 1 10 / 100 -100, padded by one row above and one column on the left.
    // (0,0): -100.  (0,1): 100 - 200 = -100.  (1,0): 10 - 300 = -290.  (1,1): 1 + 20 + 300 - 400 = -79.
    // Bias 101, scale 1/2, residual 10 times 1/4: (1 + 5) / 2 = 3;  3;  -189/2 + 5/2 = -92;  22/2 + 5/2 = 13.5 -> 14.
    for device in devices {
      for (type, expected) in [(ElementType.int8, [3, 3, -92, 14]), (.uint8, [3, 3, 0, 14])] {
        var list = CommandList()
        let x = list.input([1, 2, 2, 1], .uint8, name: "x")
        let r = list.input([1, 2, 2, 1], .uint8, name: "r")
        let y = list.output([1, 2, 2, 1], type, name: "y")
        let filter = list.constant(
          Tensor(shape: [1, 2, 2, 1], type: .int8, elements: [1, 10, 100, -100] as [Int8]))
        try list.append(
          QuantizedConvolve(
            input: x, filter: filter, bias: list.floats([1], [101]), scale: list.floats([1], [0.5]), residual: r,
            residualScale: 0.25, output: y, window: Window(rows: 2, columns: 2, top: 1, left: 1)))
        let inputs: [(Value, [UInt8])] = [(x, [1, 2, 3, 4]), (r, [10, 10, 10, 10])]
        let result =
          type == .int8
          ? try await run(list, on: device, inputs, read: y, as: Int8.self).map { Int($0) }
          : try await run(list, on: device, inputs, read: y, as: UInt8.self).map { Int($0) }
        #expect(result == expected, "\(device.identity.software)")
      }
    }
  }

  @Test func halvesRoundToEvenAndTheRangeHolds() async throws {
    // A 1x1 filter of 1, scale 1/2: 1 2 3 5 7 give 0.5 1 1.5 2.5 3.5, rounded 0 1 2 2 4. With bias 600 the result leaves
    // 255 behind, with bias -600 it stays below 0: both ends hold.
    for device in devices {
      for (bias, expected) in [
        (Float(0), [0, 1, 2, 2, 4]), (600, [255, 255, 255, 255, 255]), (-600, [0, 0, 0, 0, 0]),
      ] {
        var list = CommandList()
        let x = list.input([1, 1, 5, 1], .uint8, name: "x")
        let y = list.output([1, 1, 5, 1], .uint8, name: "y")
        let filter = list.constant(Tensor(shape: [1, 1, 1, 1], type: .int8, elements: [1] as [Int8]))
        try list.append(
          QuantizedConvolve(
            input: x, filter: filter, bias: list.floats([1], [bias]), scale: list.floats([1], [0.5]), output: y,
            window: Window(rows: 1, columns: 1)))
        let result = try await run(list, on: device, [(x, [1, 2, 3, 5, 7] as [UInt8])], read: y, as: UInt8.self)
        #expect(result.map { Int($0) } == expected, "\(device.identity.software), bias \(bias)")
      }
    }
  }

  /// Sums by 64-bit integers are the step's sums: with bias 0 and scale 1 they come out as binary32, which holds them
  /// exactly up to 2^24 and rounds once beyond.
  @Test(arguments: [ElementType.uint8, .int8])
  func sumsAreExact(type: ElementType) async throws {
    let (channels, outputs) = (257, 33)
    var generator = SeededGenerator(seed: 11)
    for isLarge in [false, true] {
      let levels = (0..<2 * 6 * 5 * channels).map { _ in
        isLarge
          ? UInt8(type == .int8 ? 127 : 255) - UInt8.random(in: 0...2, using: &generator)
          : UInt8.random(in: 0...255, using: &generator)
      }
      let weights = (0..<outputs * 9 * channels).map { _ in
        isLarge ? Int8.random(in: 120...127, using: &generator) : Int8.random(in: -127...127, using: &generator)
      }
      let numbers = type == .int8 ? levels.map { Int(Int8(bitPattern: $0)) } : levels.map { Int($0) }
      var expected: [Float] = []
      for n in 0..<2 {
        for y in 0..<4 {
          for x in 0..<3 {
            for o in 0..<outputs {
              var sum = 0
              for r in 0..<3 {
                for s in 0..<3 {
                  for c in 0..<channels {
                    sum +=
                      numbers[((n * 6 + y + r) * 5 + x + s) * channels + c]
                      * Int(weights[((o * 3 + r) * 3 + s) * channels + c])
                  }
                }
              }
              expected.append(Float(sum))
            }
          }
        }
      }
      #expect(expected.contains { $0.magnitude > 0x1p24 } == isLarge)
      for device in devices {
        var list = CommandList()
        let x = list.input([2, 6, 5, channels], type, name: "x")
        let y = list.output([2, 4, 3, outputs], .float32, name: "y")
        let filter = list.constant(Tensor(shape: [outputs, 3, 3, channels], type: .int8, elements: weights))
        try list.append(
          QuantizedConvolve(
            input: x, filter: filter, bias: list.floats([outputs], .init(repeating: 0, count: outputs)),
            scale: list.floats([outputs], .init(repeating: 1, count: outputs)), output: y,
            window: Window(rows: 3, columns: 3)))
        let result = try await run(list, on: device, [(x, levels)], read: y, as: Float.self)
        #expect(result == expected, "\(device.identity.software), large \(isLarge)")
      }
    }
  }

  @Test func numbersBecomeLevelsAndNumbersAgain() async throws {
    // Scale 1/4, so factor 4: 0.125 is level 0.5 -> 0, 0.375 level 1.5 -> 2, 40 leaves the range at 127, NaN is 0.
    for device in devices {
      var list = CommandList()
      let x = list.input([6], .float32, name: "x")
      let levels = list.transient([6], .int8, name: "levels")
      let y = list.output([6], .float32, name: "y")
      try list.append(Rescale(input: x, output: levels, factor: 4))
      try list.append(Rescale(input: levels, output: y, factor: 0.25))
      let result = try await run(
        list, on: device, [(x, [0.125, 0.375, -0.375, 40, -40, .nan] as [Float])], read: y, as: Float.self)
      #expect(result == [0, 0.5, -0.5, 31.75, -32, 0])
    }
  }

  @Test func sumsThatCouldOverflowAreRefused() throws {
    var list = CommandList()
    let channels = QuantizedConvolve.largestFilter + 1
    let x = list.input([1, 1, 1, channels], .uint8, name: "x")
    let y = list.output([1, 1, 1, 1], .uint8, name: "y")
    let filter = list.constant(
      Tensor(shape: [1, 1, 1, channels], type: .int8, elements: [Int8](repeating: 1, count: channels)))
    let step = QuantizedConvolve(
      input: x, filter: filter, bias: list.floats([1], [0]), scale: list.floats([1], [1]), output: y,
      window: Window(rows: 1, columns: 1))
    #expect(throws: ShapeError.self) { try list.append(step) }
  }
}
