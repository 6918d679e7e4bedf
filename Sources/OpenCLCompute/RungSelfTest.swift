// Whether a kernel variant computes the right numbers on this device and driver.
//
// Small convolutions and matrix products on integers, whose sums are exact in binary32 in any order, so that a variant
// must give the bits of the reference kernels. Outputs are NaN beforehand; every case runs three times.

import Compute
import Hashing
import Primitives
import Tensors

/// The admission test of kernel variants.
package enum RungSelfTest {
  /// The rungs beyond the reference that suit the kind of device and compute exactly what the reference kernels do.
  package static func run(_ device: OpenCLDevice) -> Set<Rung> {
    let candidate: Rung = device.kind == .cpu ? .vector : .tiled
    for test in RungCase.all {
      guard let wanted = try? outcome(test, device, rungs: [.reference]),
        wanted.allSatisfy({ !$0.isNaN })
      else { return [.reference] }
      for _ in 0..<3 {
        guard let found = try? outcome(test, device, rungs: [.reference, candidate]),
          found.map(\.bitPattern) == wanted.map(\.bitPattern)
        else { return [.reference] }
      }
    }
    return [.reference, candidate]
  }

  /// The rungs from the cache, from a child process (GPUs: a driver abort must not end the job) or from a test here.
  static func passed(_ device: OpenCLDevice) -> Set<Rung> {
    let key = SHA256.text(Array((device.fullName + "\n" + KernelText.digest).utf8))
    let file = CacheFolder.path("rungs").map { "\($0)/\(key)" }
    if let file, let stored = CacheFolder.read(file), let rungs = parse(stored) { return rungs }
    let isOwnProgram = SelfTestChild.isAvailable && device.kind == .gpu
    let rungs = isOwnProgram ? SelfTestChild.run(device.index) : run(device)
    guard let rungs else { return [.reference] }
    // A failure may be a full device or a busy machine, so only success is remembered.
    if rungs.count > 1, let file { _ = CacheFolder.write(Array(json(rungs).utf8), to: file) }
    return rungs
  }

  /// What the hidden subcommand `surety self-test-device INDEX --json` prints.
  package static func report(_ index: Int) throws(DeviceError) -> String { json(run(try OpenCLDevice.device(index))) }

  /// The result as one line of JSON, which `parse` reads.
  package static func json(_ rungs: Set<Rung>) -> String {
    "{\"rungs\":[" + rungs.map { "\"\($0.rawValue)\"" }.sorted().joined(separator: ",") + "]}\n"
  }

  /// The rungs of a line written by `json`, or nil for anything else.
  static func parse(_ bytes: [UInt8]) -> Set<Rung>? {
    let text = String(decoding: bytes, as: UTF8.self)
    let all = Set(Rung.allCases)
    for count in 0..<(1 << all.count) {
      let subset = Set(Rung.allCases.enumerated().filter { count >> $0.offset & 1 == 1 }.map(\.element))
      if json(subset) == text { return subset }
    }
    return nil
  }

  private static func outcome(
    _ test: RungCase, _ device: OpenCLDevice, rungs: Set<Rung>
  ) throws(DeviceError) -> [Float] {
    let prepared = try device.prepare(test.list, instances: 1, traits: device.traits(rungs: rungs))[0]
    for (value, numbers) in test.inputs { try prepared.write(numbers, to: value) }
    try prepared.write([Float](repeating: .nan, count: test.list[test.output].count), to: test.output)
    try prepared.runAndWait()
    return try prepared.read(test.output, as: Float.self)
  }
}
