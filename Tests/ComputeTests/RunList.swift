import CPUCompute
import Compute
import Tensors

/// The definitions and the fast paths of the CPU, which every example runs on.
let hostDevices: [CPUDevice] = [
  CPUDevice(CPUDevice.Options(concurrency: 1, referenceOnly: true)), CPUDevice(CPUDevice.Options(concurrency: 1)),
]

/// Runs a list once and reads a value.
func run<Element: BitwiseCopyable>(
  _ list: CommandList, on device: any Device, _ inputs: [(Value, [Float])], read output: Value, as type: Element.Type
) async throws -> [Element] {
  let instance = try await device.prepare(list, instances: 1)[0]
  for (value, numbers) in inputs { try instance.write(numbers, to: value) }
  try await instance.run()
  return try instance.read(output, as: type)
}

extension CommandList {
  mutating func floats(_ shape: [Int], _ numbers: [Float]) -> Value { constant(Tensor(shape: shape, floats: numbers)) }
}
