// Runs one command list by its references on the host and by its kernels on the device, and compares.

import Compute
import OpenCLCompute
import Primitives
import Tensors
import Testing

/// The first OpenCL device; tests without one fail, since PoCL belongs to the test machine.
func firstDevice() throws -> OpenCLDevice { try #require(try OpenCLDevice.all().first) }

/// Numbers between -1 and 1 from a seed that failures print.
struct Numbers {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  mutating func word() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }

  mutating func float() -> Float { Float(Int32(truncatingIfNeeded: word() >> 32)) * 0x1p-31 }
  mutating func floats(_ count: Int) -> [Float] { (0..<count).map { _ in float() } }
  mutating func tensor(_ shape: [Int]) -> Tensor { Tensor(shape: shape, floats: floats(shape.reduce(1, *))) }
}

/// A list with the bytes of its inputs and the output to compare.
struct Problem {
  var list = CommandList()
  var inputs: [(value: Value, bytes: [UInt8])] = []

  mutating func input(_ shape: [Int], _ numbers: [Float], name: String = "input") -> Value {
    input(shape, .float32, numbers, name: name)
  }

  mutating func input<Element: BitwiseCopyable>(
    _ shape: [Int], _ type: ElementType, _ elements: [Element], name: String = "input"
  ) -> Value {
    let value = list.input(shape, type, name: name)
    inputs.append((value, elements.withUnsafeBytes { Array($0) }))
    return value
  }

  mutating func output(_ shape: [Int], _ type: ElementType = .float32) -> Value {
    list.output(shape, type, name: "output")
  }

  /// The bytes of a value after the references ran.
  func reference(_ value: Value) -> [UInt8] {
    let addresses = list.values.indices.map { index in
      let address = UnsafeMutableRawPointer.allocate(byteCount: max(64, list.values[index].byteCount), alignment: 64)
      address.initializeMemory(as: UInt8.self, repeating: 0, count: max(64, list.values[index].byteCount))
      return address
    }
    defer { for address in addresses { address.deallocate() } }
    let owners = list.everyValue.map { addresses[list.owner(of: $0).index] }
    for (index, description) in list.values.enumerated() {
      if case .constant(let tensor) = description.kind {
        tensor.withBytes { addresses[index].copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
      }
    }
    for (value, bytes) in inputs { addresses[value.index].copyMemory(from: bytes, byteCount: bytes.count) }
    let memory = HostMemory(list: list, addresses: owners)
    for step in list.steps { step.reference(memory) }
    return Array(UnsafeRawBufferPointer(start: memory.address(value), count: list[value].byteCount))
  }

  /// The bytes of a value after the kernels ran with the given rungs.
  func outcome(_ value: Value, _ device: OpenCLDevice, rungs: Set<Rung>) async throws -> [UInt8] {
    // The tiled kernels are for GPUs; a CPU device runs them too, slowly.
    try await outcome(value, device, device.traits(rungs: rungs, as: rungs.contains(.tiled) ? .gpu : nil))
  }

  func outcome(_ value: Value, _ device: OpenCLDevice, _ traits: DeviceTraits) async throws -> [UInt8] {
    let prepared = try device.prepare(list, instances: 1, traits: traits)[0]
    for (value, bytes) in inputs { try bytes.withUnsafeBytes { try prepared.write($0, to: value, offset: 0) } }
    let poison = [Float](repeating: .nan, count: (list[value].byteCount + 3) / 4)
    try poison.withUnsafeBytes {
      try prepared.write(UnsafeRawBufferPointer(rebasing: $0[..<list[value].byteCount]), to: value, offset: 0)
    }
    try await prepared.run()
    return try prepared.read(value)
  }
}

extension CommandList {
  /// Every value of the list, by index.
  fileprivate var everyValue: [Value] {
    var rebuilt = CommandList()
    return values.map { rebuilt.transient($0.shape, $0.type, name: $0.name) }
  }
}

/// The kernel choices to try: the reference kernels, the tiles and, on CPU devices, the explicit vectors.
func choices(_ device: OpenCLDevice) -> [Set<Rung>] {
  [[.reference], [.reference, .tiled]] + (device.kind == .cpu ? [[.reference, .vector]] : [])
}

/// Requires max|difference| <= tolerance * max|reference|, equal NaN places, with every kernel choice.
func requireAgreement(
  _ problem: Problem, _ output: Value, tolerance: Float = 2e-6, _ what: String,
  sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  let device = try firstDevice()
  let wanted = floats(problem.reference(output))
  let scale = wanted.filter { $0.isFinite }.map(\.magnitude).max() ?? 0
  for rungs in choices(device) {
    let found = floats(try await problem.outcome(output, device, rungs: rungs))
    let name = "\(what) with \(rungs.map(\.rawValue).sorted())"
    var worst: Float = 0
    for (index, (x, y)) in zip(found, wanted).enumerated() {
      if x.isNaN != y.isNaN || x.isInfinite != y.isInfinite {
        Issue.record("\(name): element \(index) is \(x), not \(y)", sourceLocation: sourceLocation)
        break
      }
      if x.isFinite { worst = max(worst, (x - y).magnitude) }
    }
    #expect(
      worst <= tolerance * scale, "\(name): largest difference \(worst), largest number \(scale)",
      sourceLocation: sourceLocation)
  }
}

/// Requires equal bytes with every kernel choice.
func requireEqualBytes(
  _ problem: Problem, _ output: Value, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  let device = try firstDevice()
  let wanted = problem.reference(output)
  for rungs in choices(device) {
    let found = try await problem.outcome(output, device, rungs: rungs)
    let first = zip(found, wanted).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    #expect(
      found == wanted, "\(what) with \(rungs.map(\.rawValue).sorted()): first different byte \(first ?? -1)",
      sourceLocation: sourceLocation)
  }
}

func floats(_ bytes: [UInt8]) -> [Float] { bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) } }
