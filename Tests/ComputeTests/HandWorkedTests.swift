// One example per primitive whose arithmetic fits in a comment, by definition and by the CPU's fast path.

import Compute
import Primitives
import Tensors
import Testing

@Suite struct HandWorkedTests {
  @Test func convolutionSumsProductsBiasAndResidual() async throws {
    // A 2x2 image 1 2 / 3 4, a 2x2 filter of 1 10 / 100 1000, padded by one row above and one column on the left.
    // (0,0): only filter(1,1) meets 1: 1000.  (0,1): filter(1,0) meets 1, (1,1) meets 2: 100 + 2000.
    // (1,0): filter(0,1) meets 1, (1,1) meets 3: 10 + 3000.  (1,1): 1 + 20 + 300 + 4000.  Bias -2000, residual 1, ReLU.
    for device in hostDevices {
      var list = CommandList()
      let x = list.input([1, 2, 2, 1], .float32, name: "x")
      let r = list.input([1, 2, 2, 1], .float32, name: "r")
      let y = list.output([1, 2, 2, 1], .float32, name: "y")
      try list.append(
        Convolve(
          input: x, filter: list.floats([1, 2, 2, 1], [1, 10, 100, 1000]), bias: list.floats([1], [-2000]), residual: r,
          output: y, window: Window(rows: 2, columns: 2, top: 1, left: 1), activation: .relu))
      let result = try await run(list, on: device, [(x, [1, 2, 3, 4]), (r, [1, 1, 1, 1])], read: y, as: Float.self)
      #expect(result == [0, 101, 1011, 2322])
    }
  }

  @Test func groupsSeeOnlyTheirOwnChannels() async throws {
    // Channels (1, 2 | 3, 4), one output per group: 1*1 + 2*10 = 21 and 3*100 + 4*1000 = 4300.
    for device in hostDevices {
      var list = CommandList()
      let x = list.input([1, 1, 1, 4], .float32, name: "x")
      let y = list.output([1, 1, 1, 2], .float32, name: "y")
      try list.append(
        Convolve(
          input: x, filter: list.floats([2, 1, 1, 2], [1, 10, 100, 1000]), bias: nil, output: y,
          window: Window(rows: 1, columns: 1), groups: 2))
      #expect(try await run(list, on: device, [(x, [1, 2, 3, 4])], read: y, as: Float.self) == [21, 4300])
    }
  }

  @Test func transposedConvolutionScattersItsInput() async throws {
    // One row of pixels 1 2, filter 1 10 100, stride 2: 1 10 100+2 20 200.
    for device in hostDevices {
      var list = CommandList()
      let x = list.input([1, 1, 2, 1], .float32, name: "x")
      let y = list.output([1, 1, 5, 1], .float32, name: "y")
      try list.append(
        ConvolveTransposed(
          input: x, filter: list.floats([1, 1, 3, 1], [1, 10, 100]), bias: nil, output: y,
          window: Window(rows: 1, columns: 3, strideRows: 1, strideColumns: 2)))
      #expect(try await run(list, on: device, [(x, [1, 2])], read: y, as: Float.self) == [1, 10, 102, 20, 200])
    }
  }

  @Test func matrixProductAddsBiasAndClips() async throws {
    // [1 2; 3 4] [5 6; 7 8] = [19 22; 43 50], bias (1, -1): 20 21 / 44 49, clipped to 21...45.
    for device in hostDevices {
      var list = CommandList()
      let x = list.input([2, 2], .float32, name: "x")
      let y = list.output([2, 2], .float32, name: "y")
      try list.append(
        MatrixMultiply(
          left: x, right: list.floats([2, 2], [5, 6, 7, 8]), bias: list.floats([2], [1, -1]), output: y, m: 2, n: 2,
          k: 2, activation: .clip(low: 21, high: 45)))
      #expect(try await run(list, on: device, [(x, [1, 2, 3, 4])], read: y, as: Float.self) == [21, 21, 44, 45])
    }
  }

  @Test func averageDividesByThePositionsThatCount() async throws {
    // 3x3 window over 2x2 pixels 1 2 / 3 6 padded by one: all four lie in every window; 12 / 4 or 12 / 9.
    for (includes, expected) in [(false, Float(3)), (true, Float(12) / 9)] {
      for device in hostDevices {
        var list = CommandList()
        let x = list.input([1, 2, 2, 1], .float32, name: "x")
        let y = list.output([1, 2, 2, 1], .float32, name: "y")
        let window = Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1)
        try list.append(Pool(kind: .average, input: x, output: y, window: window, countIncludePadding: includes))
        let result = try await run(list, on: device, [(x, [1, 2, 3, 6])], read: y, as: Float.self)
        #expect(result == Array(repeating: expected, count: 4))
      }
    }
  }

  @Test func maximumOfAWindowKeepsNaN() async throws {
    // Windows of two over -1 -5 | nan 9 | 4 3.
    for device in hostDevices {
      var list = CommandList()
      let x = list.input([1, 1, 6, 1], .float32, name: "x")
      let y = list.output([1, 1, 3, 1], .float32, name: "y")
      try list.append(
        Pool(kind: .maximum, input: x, output: y, window: Window(rows: 1, columns: 2, strideColumns: 2)))
      let result = try await run(list, on: device, [(x, [-1, -5, .nan, 9, 4, 3])], read: y, as: Float.self)
      #expect(result[0] == -1 && result[1].isNaN && result[2] == 4)
    }
  }

  @Test func reductionsRunAlongTheMiddle() async throws {
    // [[1 2] [3 5] [8 13]] along the first axis: sums 12 20, means 4 20/3, maxima 8 13, minima 1 2.
    let expected: [(Reduce.Operation, [Float])] = [
      (.sum, [12, 20]), (.mean, [4, 20 / 3]), (.maximum, [8, 13]), (.minimum, [1, 2]),
    ]
    for (operation, numbers) in expected {
      for device in hostDevices {
        var list = CommandList()
        let x = list.input([3, 2], .float32, name: "x")
        let y = list.output([2], .float32, name: "y")
        try list.append(Reduce(operation, input: x, output: y, outer: 1, length: 3, inner: 2))
        #expect(try await run(list, on: device, [(x, [1, 2, 3, 5, 8, 13])], read: y, as: Float.self) == numbers)
      }
    }
  }

  @Test func softmaxOfEqualNumbersIsUniform() async throws {
    // (0, 0, 0, 0) gives quarters; (100, 100 - 200, ...) gives 1 and numbers below 2^-126 that may be flushed.
    for device in hostDevices {
      var list = CommandList()
      let x = list.input([2, 4], .float32, name: "x")
      let y = list.output([2, 4], .float32, name: "y")
      try list.append(Softmax(input: x, output: y, outer: 2, length: 4, inner: 1))
      let result = try await run(list, on: device, [(x, [7, 7, 7, 7, 100, -100, -100, -100])], read: y, as: Float.self)
      #expect(result[..<5] == [0.25, 0.25, 0.25, 0.25, 1] && result[5...].allSatisfy { $0 < 0x1p-126 })
    }
  }

  @Test func rowsAreCentredAndScaled() async throws {
    // (1, 3): mean 2, variance 1, epsilon 0: (-1, 1) * (2, 3) + (10, 20) = (8, 23).
    for device in hostDevices {
      var list = CommandList()
      let x = list.input([1, 2], .float32, name: "x")
      let y = list.output([1, 2], .float32, name: "y")
      try list.append(
        NormalizeRows(
          input: x, scale: list.floats([2], [2, 3]), shift: list.floats([2], [10, 20]), output: y, rows: 1, columns: 2,
          epsilon: 0))
      #expect(try await run(list, on: device, [(x, [1, 3])], read: y, as: Float.self) == [8, 23])
    }
  }

  @Test func productAndSumRoundOnceEach() async throws {
    // (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24 rounds to 1 + 2^-11; minus 1 leaves 2^-11. A fused form would leave 2^-24 more.
    let near = 1 + Float(0x1p-12)
    for device in hostDevices {
      var list = CommandList()
      let x = list.input([1, 1], .float32, name: "x")
      let y = list.output([1, 1], .float32, name: "y")
      try list.append(
        ScaleShift(
          input: x, scale: list.floats([1], [near]), shift: list.floats([1], [-1]), output: y, rows: 1, channels: 1))
      #expect(try await run(list, on: device, [(x, [near])], read: y, as: Float.self) == [0x1p-11])
      // And the affine function of Unary is the fused form.
      var fused = CommandList()
      let u = fused.input([1], .float32, name: "u")
      let v = fused.output([1], .float32, name: "v")
      try fused.append(Unary(.affine(scale: near, shift: -1), input: u, output: v))
      #expect(try await run(fused, on: device, [(u, [near])], read: v, as: Float.self) == [0x1p-11 + 0x1p-24])
    }
  }

  @Test func broadcastingRepeatsAnOperand() async throws {
    // (1 2 3 | 4 5 6) - (10 | 20) down the rows.
    for device in hostDevices {
      var list = CommandList()
      let x = list.input([2, 3], .float32, name: "x")
      let y = list.output([2, 3], .float32, name: "y")
      try list.append(
        Binary(
          .subtract, left: x, right: list.floats([2, 1], [10, 20]), output: y, shape: [2, 3], leftStrides: [3, 1],
          rightStrides: [1, 0]))
      let result = try await run(list, on: device, [(x, [1, 2, 3, 4, 5, 6])], read: y, as: Float.self)
      #expect(result == [-9, -8, -7, -16, -15, -14])
    }
  }

  @Test func elementFunctionsMeetKnownValues() async throws {
    let expected: [(Unary.Operation, Float, Float)] = [
      (.relu, -3, 0), (.sigmoid, 0, 0.5), (.tanh, 0, 0), (.erf, 0, 0), (.exp, 0, 1), (.log, 1, 0), (.round, 2.5, 2),
      (.leakyRelu(slope: 0.25), -4, -1), (.clip(low: 0, high: 6), 7, 6), (.elu(alpha: 2), 3, 3), (.sign, -7, -1),
      (.softplus, 0, 0.6931472), (.power(3), 2, 8), (.sqrt, 9, 3), (.reciprocal, 4, 0.25), (.cos, 0, 1), (.sin, 0, 0),
    ]
    for (operation, x, y) in expected {
      for device in hostDevices {
        var list = CommandList()
        let input = list.input([1], .float32, name: "x")
        let output = list.output([1], .float32, name: "y")
        try list.append(Unary(operation, input: input, output: output))
        #expect(try await run(list, on: device, [(input, [x])], read: output, as: Float.self) == [y], "\(operation)")
      }
    }
  }

  @Test func copiesTransposeAndReverse() async throws {
    // (1 2 3 | 4 5 6) transposed is 1 4 / 2 5 / 3 6; read backwards with step 2 it is 6 4 2.
    for device in hostDevices {
      var list = CommandList()
      let x = list.input([2, 3], .float32, name: "x")
      let y = list.output([9], .float32, name: "y")
      try list.append(
        CopyStrided(input: x, output: y, extents: [3, 2], inputStrides: [1, 3], outputStrides: [2, 1]))
      try list.append(
        CopyStrided(
          input: x, output: y, extents: [3], inputOffset: 5, inputStrides: [-2], outputOffset: 6, outputStrides: [1]))
      let result = try await run(list, on: device, [(x, [1, 2, 3, 4, 5, 6])], read: y, as: Float.self)
      #expect(result == [1, 4, 2, 5, 3, 6, 6, 4, 2])
    }
  }

  @Test func gatherPicksSlicesAndTurnsBadIndicesIntoNaN() async throws {
    for device in hostDevices {
      var list = CommandList()
      let x = list.input([3, 2], .float32, name: "x")
      let y = list.output([3, 2], .float32, name: "y")
      let picks = list.constant(Tensor(shape: [3], type: .int64, elements: [Int64(2), -3, 3]))
      try list.append(Gather(data: x, indices: picks, output: y, outer: 1, length: 3, inner: 2))
      let result = try await run(list, on: device, [(x, [1, 2, 3, 4, 5, 6])], read: y, as: Float.self)
      #expect(result[..<4] == [5, 6, 1, 2] && result[4].isNaN && result[5].isNaN)
    }
  }

  @Test func votesTakeTheLowestOfEqualClassesAndRefuseNaN() async throws {
    for device in hostDevices {
      var list = CommandList()
      let x = list.input([3, 3], .float32, name: "x")
      let y = list.output([3], .int32, name: "y")
      try list.append(ArgMax(logits: x, output: y, rows: 3, classes: 3))
      let logits: [Float] = [1, 7, 7, -.infinity, -.infinity, -.infinity, 9, 1, .nan]
      #expect(try await run(list, on: device, [(x, logits)], read: y, as: Int32.self) == [1, 0, -1])
    }
  }

  @Test func conversionsTruncateAndSaturate() async throws {
    for device in hostDevices {
      var list = CommandList()
      let x = list.input([6], .float32, name: "x")
      let y = list.output([6], .int8, name: "y")
      try list.append(Convert(input: x, output: y))
      let numbers: [Float] = [-1.9, 1.9, 200, -200, .nan, 127]
      #expect(try await run(list, on: device, [(x, numbers)], read: y, as: Int8.self) == [-1, 1, 127, -128, 0, 127])
      // 1 + 2^-8 lies between the bfloat16 numbers 1 and 1 + 2^-7 and goes to the even one; 1 + 3 * 2^-8 goes up.
      var narrow = CommandList()
      let u = narrow.input([2], .float32, name: "u")
      let v = narrow.transient([2], .bfloat16, name: "v")
      let w = narrow.output([2], .float32, name: "w")
      try narrow.append(Convert(input: u, output: v))
      try narrow.append(Convert(input: v, output: w))
      if device.precisions.contains(.bfloat16) {
        let result = try await run(narrow, on: device, [(u, [1 + 0x1p-8, 1 + 3 * 0x1p-8])], read: w, as: Float.self)
        #expect(result == [1, 1 + 0x1p-6])
      }
    }
  }

  @Test func fillSetsEveryElement() async throws {
    for device in hostDevices {
      var list = CommandList()
      let y = list.output([3], .float32, name: "y")
      try list.append(Fill(output: y, number: 2.5))
      #expect(try await run(list, on: device, [], read: y, as: Float.self) == [2.5, 2.5, 2.5])
    }
  }

  /// 3 + 1024 · 2⁻¹⁰ = 4, in every arithmetic; rounds that bfloat16 and int8 instructions cannot do are refused.
  @Test func chainsOfMultiplyAddsAreExactInEveryPrecision() async throws {
    for device in hostDevices {
      for precision in device.precisions {
        var list = CommandList()
        let starts = list.input([MultiplyAdds.block], .float32, name: "starts")
        let sums = list.output([MultiplyAdds.block], .float32, name: "sums")
        try list.append(MultiplyAdds(starts: starts, sums: sums, rounds: 1024, precision: precision))
        let threes = [Float](repeating: 3, count: MultiplyAdds.block)
        let result = try await run(list, on: device, [(starts, threes)], read: sums, as: Float.self)
        #expect(result == [Float](repeating: 4, count: MultiplyAdds.block), "\(precision)")
        #expect(throws: ShapeError.self) {
          try list.append(MultiplyAdds(starts: starts, sums: sums, rounds: 6, precision: precision))
        }
      }
    }
  }
}
