import Compute
import OpenCLCompute
import Primitives
import Tensors

/// The most multiply-adds per second that a device does: `MultiplyAdds` on all its instances, nothing else.
enum DevicePeak {
  private static let seconds = 0.4

  /// The best of many turns of some milliseconds, in each of which every instance does the same work at the same time: one
  /// turn that nothing else on the machine disturbs is enough. Nil where no loop shows the device's peak for this arithmetic (AMX).
  ///
  /// OpenCL kernels compute in binary32 whatever they store, so that theirs is the peak of binary32 in every precision.
  static func multiplyAddsPerSecond(_ device: any Device, _ precision: Precision) async throws -> Double? {
    let opencl = device as? OpenCLDevice
    guard opencl != nil || MultiplyAdds.showsProcessorPeak(precision) else { return nil }
    // Passes of some milliseconds each: long beside a launch.
    let (blocks, rounds) =
      switch opencl?.kind {
      case nil: (1, MultiplyAdds.mostRounds)
      case .cpu: (4 * opencl!.computeUnits, 1 << 19)
      case .gpu: (128 * opencl!.computeUnits, 1 << 15)
      }
    let count = blocks * MultiplyAdds.block
    let numbers = (0..<count).map { Float($0 % 8) }
    var list = CommandList()
    let starts = list.input([count], .float32, name: "starts")
    let sums = list.output([count], .float32, name: "sums")
    try list.append(
      MultiplyAdds(starts: starts, sums: sums, rounds: rounds, precision: opencl == nil ? precision : .float32))
    let instances = try await device.prepare(list, instances: device.concurrency)
    for instance in instances { try instance.write(numbers, to: starts) }
    var best = 0.0
    let clock = ContinuousClock()
    let start = clock.now
    var turns = 0
    repeat {
      let begin = clock.now
      try await withThrowingTaskGroup(of: Void.self) { group in
        for instance in instances { group.addTask { try await instance.run() } }
        try await group.waitForAll()
      }
      let products = Double(instances.count) * Double(count) * Double(rounds)
      best = max(best, products / (clock.now - begin).seconds)
      turns += 1
    } while turns < 3 || (clock.now - start).seconds < seconds
    for instance in instances {
      let expected = numbers.map { $0 + Float(rounds) * 0x1p-10 }
      guard try instance.read(sums, as: Float.self) == expected else {
        throw DeviceError.unsupported("\(device.identity.name) adds products wrongly; run surety devices --self-test.")
      }
    }
    return best
  }
}
