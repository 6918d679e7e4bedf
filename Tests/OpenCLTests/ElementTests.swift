// Elementwise steps, reductions and data movement on the device against their definitions.

import Compute
import OpenCLCompute
import Primitives
import Tensors
import Testing

@Suite(.serialized) struct ElementTests {
  static let special: [Float] = [
    0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 7, -7, .infinity, -.infinity, .nan, 0x1p-140, 3.25, 88, -88,
  ]

  static let operations: [Unary.Operation] = [
    .identity, .relu, .sigmoid, .tanh, .erf, .sqrt, .reciprocal, .exp, .log, .abs, .negate, .sin, .cos, .sign, .round,
    .floor, .ceil, .leakyRelu(slope: 0.1), .clip(low: -1, high: 2), .elu(alpha: 1.5), .softplus, .power(3),
    .affine(scale: 0.3, shift: -2),
  ]

  /// Every result is within 16 units in the last place of the correctly rounded one, or within 1e-37; OpenCL allows the
  /// built-in functions 4 to 16.
  @Test(arguments: operations) func elementFunctionAgreesWithItsDefinition(_ operation: Unary.Operation) async throws {
    var numbers = Numbers(seed: 21)
    let device = try firstDevice()
    let samples = Self.special.filter { operation.isDefined($0) } + numbers.floats(300).map { $0 * 4 }
    var problem = Problem()
    let input = problem.input([samples.count], samples)
    let output = problem.output([samples.count])
    try problem.list.append(Unary(operation, input: input, output: output))
    let wanted = floats(problem.reference(output))
    for rungs in choices(device) {
      let found = floats(try await problem.outcome(output, device, rungs: rungs))
      for (x, (y, z)) in zip(samples, zip(found, wanted)) {
        let agrees = z.isNaN ? y.isNaN : z.isInfinite ? y == z : (y - z).magnitude <= max(1e-37, 16 * z.ulp)
        #expect(agrees, "\(operation) of \(x) is \(y), not \(z), with \(rungs.map(\.rawValue).sorted())")
      }
    }
  }

  struct Pair: Sendable {
    var shape: [Int]
    var left: [Int]
    var right: [Int]
  }

  static let pairs: [Pair] = [
    Pair(shape: [3, 5, 40], left: [200, 40, 1], right: [0, 0, 1]),
    Pair(shape: [3, 5, 40], left: [200, 40, 1], right: [0, 0, 0]),
    Pair(shape: [4, 6, 7], left: [42, 7, 1], right: [6, 1, 0]),
    Pair(shape: [2, 3, 4, 5], left: [60, 0, 5, 1], right: [0, 20, 0, 1]),
    Pair(shape: [5000], left: [1], right: [1]), Pair(shape: [], left: [], right: []),
  ]

  @Test(arguments: Binary.Operation.allCases, pairs)
  func pairwiseFunctionAgreesWithItsDefinition(_ operation: Binary.Operation, _ pair: Pair) async throws {
    var numbers = Numbers(seed: 22)
    var problem = Problem()
    let count = { (strides: [Int]) in 1 + zip(pair.shape, strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 } }
    let positive: (Float) -> Float = { operation == .power ? $0.magnitude + 0.1 : $0 }
    var leftNumbers = numbers.floats(count(pair.left)).map(positive)
    if leftNumbers.count > 3 { leftNumbers[2] = .nan }
    let left = problem.input([leftNumbers.count], leftNumbers)
    let right = problem.input([count(pair.right)], numbers.floats(count(pair.right)))
    let output = problem.output(pair.shape)
    try problem.list.append(
      Binary(
        operation, left: left, right: right, output: output, shape: pair.shape, leftStrides: pair.left,
        rightStrides: pair.right, activation: .clip(low: -3, high: 3)))
    try await requireAgreement(problem, output, "\(operation) \(pair)")
  }

  @Test func scaleShiftRoundsTwice() async throws {
    for (rows, channels) in [(7, 5), (6, 37)] {
      var numbers = Numbers(seed: 23)
      var problem = Problem()
      let input = problem.input([rows, channels], numbers.floats(rows * channels))
      let scale = problem.list.constant(numbers.tensor([channels]))
      let shift = problem.list.constant(numbers.tensor([channels]))
      let output = problem.output([rows, channels])
      try problem.list.append(
        ScaleShift(
          input: input, scale: scale, shift: shift, output: output, rows: rows, channels: channels, activation: .relu))
      try await requireEqualBytes(problem, output, "scale and shift")
    }
  }

  @Test(arguments: [
    ([2, 3, 4], [12, 1, 3], [12, 4, 1]), ([4, 30], [1, 4], [30, 1]), ([5, 7], [-7, 1], [7, 1]),
    ([6, 8], [0, 1], [8, 1]),
  ]) func stridedCopyMovesEveryByte(_ extents: [Int], _ from: [Int], _ to: [Int]) async throws {
    for type in [ElementType.float32, .uint8, .int64] {
      var problem = Problem()
      let bytes = (0..<(150 * type.size)).map { UInt8(truncatingIfNeeded: $0 &* 37) }
      let value = problem.list.input([150], type, name: "input")
      problem.inputs.append((value, bytes))
      let output = problem.output(extents, type)
      try problem.list.append(
        CopyStrided(
          input: value, output: output, extents: extents, inputOffset: from[0] < 0 ? 28 : 5, inputStrides: from,
          outputStrides: to))
      try await requireEqualBytes(problem, output, "copy of \(extents)")
    }
  }

  @Test func gatherPicksSlicesAndAnswersNaNOutOfRange() async throws {
    for type in [ElementType.int32, .int64] {
      var numbers = Numbers(seed: 24)
      var problem = Problem()
      let data = problem.input([2, 5, 3], numbers.floats(30))
      let picks = [4, 0, -1, 5, -6, 2]
      let indices =
        type == .int32
        ? problem.input([6], type, picks.map { Int32($0) }) : problem.input([6], type, picks.map { Int64($0) })
      let output = problem.output([2, 6, 3])
      try problem.list.append(
        Gather(data: data, indices: indices, output: output, outer: 2, length: 5, inner: 3))
      try await requireAgreement(problem, output, tolerance: 0, "gather")
    }
  }

  @Test func conversionsAgreeWithTheirDefinition() async throws {
    let types: [ElementType] = [.float32, .float64, .int8, .uint8, .int32, .uint32, .int64, .bool]
    let samples: [Float] = [0, 1, -1, 1.9, -1.9, 200, -200, 3e9, -3e9, 1e20, .infinity, .nan, 0.25]
    for from in [ElementType.float32, .int32, .int64, .uint8] {
      for to in types {
        var problem = Problem()
        let finite = samples.filter { $0.magnitude < 2e9 }
        let input =
          switch from {
          case .float32: problem.input([samples.count], samples)
          case .int32: problem.input([finite.count], from, finite.map { Int32($0) })
          case .int64: problem.input([finite.count], from, finite.map { Int64($0) << 20 })
          default: problem.input([3], from, [0, 7, 255] as [UInt8])
          }
        let output = problem.output(problem.list[input].shape, to)
        try problem.list.append(Convert(input: input, output: output))
        if to == .float32 || to == .float64 { continue }
        try await requireEqualBytes(problem, output, "\(from) to \(to)")
      }
    }
  }

  @Test func fillWritesOneNumber() async throws {
    var problem = Problem()
    let output = problem.output([1000])
    try problem.list.append(Fill(output: output, number: 2.5))
    try await requireAgreement(problem, output, tolerance: 0, "fill")
  }

  @Test(arguments: [Reduce.Operation.sum, .mean, .maximum, .minimum])
  func reductionAgreesWithItsDefinition(_ operation: Reduce.Operation) async throws {
    for (outer, length, inner) in [(3, 49, 20), (5, 130, 1), (2, 4, 7)] {
      var numbers = Numbers(seed: 25)
      var problem = Problem()
      let input = problem.input([outer, length, inner], numbers.floats(outer * length * inner))
      let output = problem.output([outer, inner])
      try problem.list.append(
        Reduce(operation, input: input, output: output, outer: outer, length: length, inner: inner))
      try await requireAgreement(problem, output, "\(operation) over [\(outer), \(length), \(inner)]")
    }
  }

  @Test func softmaxAgreesWithItsDefinition() async throws {
    for (outer, length, inner) in [(3, 197, 1), (2, 5, 6), (4, 10, 1)] {
      var numbers = Numbers(seed: 26)
      var problem = Problem()
      let input = problem.input([outer, length, inner], numbers.floats(outer * length * inner).map { $0 * 20 })
      let output = problem.output([outer, length, inner])
      try problem.list.append(Softmax(input: input, output: output, outer: outer, length: length, inner: inner))
      try await requireAgreement(problem, output, tolerance: 4e-6, "softmax over [\(outer), \(length), \(inner)]")
    }
  }

  @Test func layerNormalisationAgreesWithItsDefinition() async throws {
    for columns in [10, 48, 77] {
      var numbers = Numbers(seed: 27)
      var problem = Problem()
      let input = problem.input([6, columns], numbers.floats(6 * columns).map { $0 + 3 })
      let scale = problem.list.constant(numbers.tensor([columns]))
      let output = problem.output([6, columns])
      try problem.list.append(
        NormalizeRows(
          input: input, scale: scale, shift: nil, output: output, rows: 6, columns: columns, epsilon: 1e-5))
      try await requireAgreement(problem, output, tolerance: 1e-5, "layer normalisation of \(columns)")
    }
  }

  @Test(arguments: [Pool.Kind.maximum, .average])
  func poolingAgreesWithItsDefinition(_ kind: Pool.Kind) async throws {
    for (channels, includes) in [(5, false), (20, true), (32, false)] {
      var numbers = Numbers(seed: 28)
      var problem = Problem()
      var image = numbers.floats(2 * 9 * 8 * channels)
      image[40] = .nan
      let input = problem.input([2, 9, 8, channels], image)
      let output = problem.output([2, 5, 4, channels])
      let window = Window(
        rows: 3, columns: 3, strideRows: 2, strideColumns: 2, top: 1, left: 1, bottom: 1, right: 0)
      try problem.list.append(
        Pool(kind: kind, input: input, output: output, window: window, countIncludePadding: includes))
      try await requireAgreement(problem, output, "\(kind) of \(channels) channels")
    }
  }

  @Test func argMaxTakesTheLowestIndexAndRefusesNaN() async throws {
    let classes = 130
    var rows: [[Float]] = (0..<6).map { _ in Array(repeating: -1, count: classes) }
    rows[0][7] = 3
    rows[0][100] = 3
    rows[1][129] = 1
    rows[2][64] = .nan
    rows[2][3] = .infinity
    rows[3] = Array(repeating: -.infinity, count: classes)
    rows[4][0] = -0.5
    var problem = Problem()
    let logits = problem.input([6, classes], rows.flatMap { $0 })
    let output = problem.output([6], .int32)
    try problem.list.append(ArgMax(logits: logits, output: output, rows: 6, classes: classes))
    let wanted = problem.reference(output).withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) }
    #expect(wanted == [7, 129, -1, 0, 0, 0])
    try await requireEqualBytes(problem, output, "arg max")
  }
}

extension Unary.Operation {
  /// Whether device and host must agree on an unusual argument (trigonometric functions of infinity aside).
  fileprivate func isDefined(_ x: Float) -> Bool {
    switch self {
    case .power: x.magnitude < 1e6 || x.isNaN
    case .sqrt, .log, .reciprocal: x.magnitude > 1e-37 || x == 0 || x.isNaN
    default: true
    }
  }
}
