// Values that keep their bytes between runs, on both kinds of devices, and binary64 values.

import CPUCompute
import Compute
import OpenCLCompute
import Primitives
import Tensors
import Testing

@Suite struct StateTests {
  private func devices() throws -> [any Device] {
    [
      try firstDevice(), CPUDevice(CPUDevice.Options(concurrency: 1)),
      CPUDevice(CPUDevice.Options(referenceOnly: true)),
    ]
  }

  /// state += input, and a chain of transient values of equal size that must not take the state's memory.
  private func accumulator() throws -> (CommandList, input: Value, state: Value, output: Value) {
    var list = CommandList()
    let input = list.input([100], .float32, name: "input")
    let state = list.state([100], .float32, name: "sum")
    let output = list.output([100], .float32, name: "output")
    try list.append(
      Binary(.add, left: state, right: input, output: state, shape: [100], leftStrides: [1], rightStrides: [1]))
    var value = state
    for step in 0..<4 {
      let next = step == 3 ? output : list.transient([100], .float32, name: "step")
      try list.append(Unary(.affine(scale: 2, shift: 0), input: value, output: next))
      value = next
    }
    return (list, input, state, output)
  }

  @Test func aStateKeepsItsBytesBetweenRuns() async throws {
    let (list, input, state, output) = try accumulator()
    for device in try devices() {
      let prepared = try await device.prepare(list, instances: 2)
      try prepared[0].write((0..<100).map { Float($0) }, to: input)
      for run in 1...3 {
        try await prepared[0].run()
        #expect(try prepared[0].read(state, as: Float.self) == (0..<100).map { Float($0 * run) })
        #expect(try prepared[0].read(output, as: Float.self) == (0..<100).map { Float($0 * run * 16) })
      }
      try prepared[0].write([Float](repeating: 7, count: 10), to: state, from: 50)
      try await prepared[0].run()
      let wanted = (0..<100).map { Float((50..<60).contains($0) ? $0 + 7 : 4 * $0) }
      #expect(try prepared[0].read(state, as: Float.self) == wanted)
      #expect(try prepared[0].read(state, as: Float.self, from: 48, count: 4) == Array(wanted[48..<52]))
      // An instance of its own, zero at first.
      #expect(try prepared[1].read(state, as: Float.self) == [Float](repeating: 0, count: 100))
    }
  }

  @Test func theHostWritesNoOutputs() async throws {
    let (list, _, _, output) = try accumulator()
    let prepared = try await CPUDevice().prepare(list, instances: 1)[0]
    #expect(throws: DeviceError.self) { try prepared.write([Float(1)], to: output) }
  }

  @Test func binary64PassesThroughBuffers() async throws {
    let numbers: [Double] = [1, -0.1, 0x1p-1060, .pi, 1e300, -.infinity]
    for device in try devices() {
      if let device = device as? OpenCLDevice, !device.traits.hasDouble { continue }
      var list = CommandList()
      let input = list.input([6], .float64, name: "input")
      let wide = list.state([6], .float64, name: "wide")
      let narrow = list.output([6], .float32, name: "narrow")
      try list.append(Convert(input: input, output: wide))
      try list.append(Convert(input: wide, output: narrow))
      let prepared = try await device.prepare(list, instances: 1)[0]
      try prepared.write(numbers, to: input)
      try await prepared.run()
      #expect(try prepared.read(wide, as: Double.self) == numbers)
      #expect(try prepared.read(narrow, as: Float.self) == numbers.map { Float($0) })
    }
  }
}
