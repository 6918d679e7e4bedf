// What the CPU device promises: independent instances, memory limits, NaN kept, admitted arithmetic, clear refusals.

import CPUCompute
import Compute
import Primitives
import Tensors
import TestSupport
import Testing

@Suite struct CPUDeviceTests {
  private func network(batch: Int, type: ElementType = .float32) throws(ShapeError) -> (CommandList, Value, Value) {
    var list = CommandList()
    var generator = SeededGenerator(seed: 3)
    let draw = { (count: Int) in (0..<count).map { _ in Float.random(in: -0.3...0.3, using: &generator) } }
    let x = list.input([batch, 8, 8, 16], type, name: "x")
    let hidden = list.transient([batch, 8, 8, 16], type, name: "hidden")
    let y = list.output([batch, 8, 8, 16], type, name: "y")
    let window = Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1)
    try list.append(
      Convolve(
        input: x, filter: list.floats([16, 3, 3, 16], draw(2304)), bias: list.floats([16], draw(16)), output: hidden,
        window: window, activation: .relu))
    try list.append(
      Convolve(
        input: hidden, filter: list.floats([16, 3, 3, 16], draw(2304)), bias: nil, residual: hidden, output: y,
        window: window))
    return (list, x, y)
  }

  @Test func instancesRunAtTheSameTimeWithoutDisturbingEachOther() async throws {
    let (list, x, y) = try network(batch: 2)
    let device = CPUDevice(CPUDevice.Options(concurrency: 3))
    let instances = try await device.prepare(list, instances: 5)
    for (index, instance) in instances.enumerated() {
      try instance.write([Float](repeating: Float(index), count: 2048), to: x)
    }
    for _ in 0..<20 {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for instance in instances { group.addTask { try await instance.run() } }
        try await group.waitForAll()
      }
    }
    for (index, instance) in instances.enumerated() {
      let alone = try await run(
        list, on: device, [(x, [Float](repeating: Float(index), count: 2048))], read: y, as: Float.self)
      #expect(try instance.read(y, as: Float.self) == alone)
    }
  }

  @Test func tooLittleMemoryIsRefusedWithNumbers() async throws {
    let (list, _, _) = try network(batch: 64)
    let device = CPUDevice(CPUDevice.Options(concurrency: 1, memory: 1 << 20))
    await #expect { _ = try await device.prepare(list, instances: 2) } throws: { error in
      guard case DeviceError.outOfMemory(let text) = error else { return false }
      return text.contains("for each of 2 instances") && text.contains("smaller batch")
    }
  }

  @Test func onlyInputsAreWrittenAndBytesMustFit() async throws {
    let (list, x, y) = try network(batch: 1)
    let instance = try await CPUDevice().prepare(list, instances: 1)[0]
    #expect(throws: DeviceError.self) { try instance.write([Float](repeating: 0, count: 1), to: y) }
    #expect(throws: DeviceError.self) { try instance.write([Float](repeating: 0, count: 1025), to: x) }
    #expect(throws: DeviceError.self) { try instance.read(Value(index: 1), as: Float.self) }
  }

  @Test func halfPrecisionIsRefusedWithAReason() async throws {
    let (list, _, _) = try network(batch: 1, type: .float16)
    await #expect { _ = try await CPUDevice().prepare(list, instances: 1) } throws: { error in
      "\(error)".contains("float16")
    }
  }

  /// A filter that does not fit names both shapes.
  @Test func shapeErrorsNameTheValues() throws {
    var list = CommandList()
    let x = list.input([1, 4, 4, 3], .float32, name: "image")
    let y = list.output([1, 4, 4, 2], .float32, name: "map")
    let filter = list.constant(Tensor(shape: [2, 1, 1, 5], floats: [Float](repeating: 0, count: 10)), name: "weights")
    #expect {
      try list.append(Convolve(input: x, filter: filter, bias: nil, output: y, window: Window(rows: 1, columns: 1)))
    } throws: { error in
      let text = "\(error)"
      return text.contains("\"image\"") && text.contains("[1, 4, 4, 3]") && text.contains("\"weights\"")
        && text.contains("[2, 1, 1, 5]")
    }
  }

  /// An overflow to NaN inside a network reaches the vote, whatever activation stands between.
  @Test(arguments: [FusedActivation.relu, .clip(low: 0, high: 6)])
  func overflowReachesTheVote(activation: FusedActivation) async throws {
    for type in [ElementType.float32, .bfloat16] {
      for device in hostDevices where device.precisions.contains(type == .float32 ? .float32 : .bfloat16) {
        var list = CommandList()
        let x = list.input([2, 1, 1, 16], .float32, name: "x")
        let start = list.transient([2, 1, 1, 16], type, name: "start")
        let hidden = list.transient([2, 1, 1, 16], type, name: "hidden")
        let logits = list.transient([2, 16], type, name: "logits")
        let votes = list.output([2], .int32, name: "votes")
        try list.append(Convert(input: x, output: start))
        try list.append(
          Convolve(
            input: start, filter: list.floats([16, 1, 1, 16], [Float](repeating: 2, count: 256)), bias: nil,
            output: hidden, window: Window(rows: 1, columns: 1), activation: activation))
        try list.append(
          MatrixMultiply(
            left: hidden, right: list.floats([16, 16], [Float](repeating: 0.5, count: 256)), output: logits, m: 2,
            n: 16,
            k: 16, activation: activation))
        try list.append(ArgMax(logits: logits, output: votes, rows: 2, classes: 16))
        // Sample 0 holds an infinity of each sign: their sum is NaN. Sample 1 is ordinary.
        let numbers: [Float] = [.infinity, -.infinity] + [Float](repeating: 0.25, count: 30)
        let result = try await run(list, on: device, [(x, numbers)], read: votes, as: Int32.self)
        #expect(result == [-1, 0], "\(type) \(device.identity.variant)")
      }
    }
  }

  /// reference/soundness.md 1.3 (b): Winograd would give 0.8886719 at the centre.
  @Test func convolutionIsDirect() async throws {
    let third = Float(1) / 3
    var image = [Float](repeating: third, count: 16 * 16)
    var filter = [Float](repeating: 0, count: 16 * 9 * 16)
    for channel in 0..<16 { image[(1 * 4 + 1) * 16 + channel] = 65536 }
    // Output o looks at channel o alone, with 0 at the corner of the filter.
    for output in 0..<16 {
      for place in 1..<9 { filter[(output * 9 + place) * 16 + output] = third }
    }
    var list = CommandList()
    let x = list.input([1, 4, 4, 16], .float32, name: "x")
    let y = list.output([1, 2, 2, 16], .float32, name: "y")
    try list.append(
      Convolve(
        input: x, filter: list.floats([16, 3, 3, 16], filter), bias: nil, output: y, window: Window(rows: 3, columns: 3)
      ))
    let result = try await run(list, on: CPUDevice(), [(x, image)], read: y, as: Float.self)
    // The window at (1,1) has its corner on the pixel of 65536, which the filter's 0 removes.
    for number in result.suffix(16) { #expect((number - 0.8888889).magnitude <= 4.8e-7) }
  }

  /// reference/soundness.md 1.3 (a) and (c): sums are rounded to nearest, products keep their last bit.
  @Test func arithmeticIsAdmitted() async throws {
    let terms = 1024
    let small = Float(1.9999 * 0x1p-24)
    var list = CommandList()
    let x = list.input([1, terms], .float32, name: "x")
    let y = list.output([1, 1], .float32, name: "y")
    try list.append(
      MatrixMultiply(
        left: x, right: list.floats([terms, 1], [Float](repeating: 1, count: terms)), output: y, m: 1, n: 1, k: terms))
    let sum = try await run(
      list, on: CPUDevice(), [(x, [1] + [Float](repeating: small, count: terms - 1))], read: y, as: Float.self)[0]
    let exact = 1 + 1023 * Double(small)
    #expect((Double(sum) - exact).magnitude <= 6.1046e-5 * exact)
    let near = 1 + Float(0x1p-11)
    let single = try await run(
      list, on: CPUDevice(), [(x, [near] + [Float](repeating: 0, count: terms - 1))], read: y, as: Float.self)[0]
    #expect(single == near)
  }

  @Test func identityNamesLibraryAndInstructionSet() {
    let identity = CPUDevice().identity
    #expect(identity.kind == "cpu" && identity.software.hasPrefix("oneDNN ") && !identity.variant.isEmpty)
    #expect(CPUDevice().memory > 1 << 20 && CPUDevice().concurrency >= 1)
  }

  @Test func pinningAfterTheFirstUseIsRefused() async throws {
    let (list, x, y) = try network(batch: 1)
    _ = try await run(list, on: CPUDevice(), [(x, [Float](repeating: 1, count: 1024))], read: y, as: Float.self)
    #expect(throws: DeviceError.self) { try CPUDevice.pin(isa: .avx2) }
  }
}
