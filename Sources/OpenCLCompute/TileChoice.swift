// Which of a launch's tiles is fastest on this device, measured once and remembered.
//
// A choice is part of the classifier's identity: certificates name it. So it is measured when a list is prepared, kept
// on disk by (device, driver, kernels, layer), and never changes while a list runs.

import COpenCL
import Compute
import Hashing

/// Chooses among the tiles of the launches of one list.
struct TileChoice {
  private let list: CommandList
  private let opened: OpenCLDevice.Opened

  init(_ list: CommandList, _ opened: OpenCLDevice.Opened) {
    self.list = list
    self.opened = opened
  }

  /// The launch itself, or the fastest of its alternatives on devices that measure, with its program.
  ///
  /// Alternatives that do not build are passed over; the launch itself must build.
  func best(_ launch: KernelLaunch) throws(DeviceError) -> (KernelLaunch, Program) {
    guard opened.measuresTiles, !launch.alternatives.isEmpty else {
      return (launch, try opened.programs.program(launch))
    }
    let choices = [launch] + launch.alternatives
    let layer = description(of: choices)
    let key = SHA256.text(Array(layer.utf8))
    let file = CacheFolder.path("tiles").map { "\($0)/\(key)" }
    if let file, let stored = CacheFolder.read(file),
      let known = choices.first(where: { $0.tile == String(decoding: stored.prefix { $0 != 10 }, as: UTF8.self) })
    {
      return (known, try opened.programs.program(known))
    }
    var best: (launch: KernelLaunch, program: Program, seconds: Double)?
    var table = ""
    for choice in choices {
      guard let program = try? opened.programs.program(choice), let seconds = try? seconds(choice, program)
      else { continue }
      table += "\(choice.tile) \(seconds)\n"
      if seconds < best?.seconds ?? .infinity { best = (choice, program, seconds) }
    }
    guard let best else { return (launch, try opened.programs.program(launch)) }
    // The choice, then for people what it was made from.
    if let file { _ = CacheFolder.write(Array((best.launch.tile + "\n" + layer + "\n" + table).utf8), to: file) }
    return (best.launch, best.program)
  }

  /// Everything that speed depends on: the device, the kernels, the tiles to choose from, and the layer's numbers.
  private func description(of choices: [KernelLaunch]) -> String {
    var text = opened.deviceName + "\n" + KernelText.digest + "\n" + choices.map(\.tile).joined(separator: " ")
    for argument in choices[0].arguments {
      switch argument {
      case .value(let value): text += " value \(list[value].byteCount)"
      case .packed(let tensor): text += " packed \(tensor.byteCount)"
      case .none: text += " none"
      default: text += " \(argument)"
      }
    }
    return text + " \(choices[0].globalSize)"
  }

  /// The shortest of five runs after one that warms up, by the device's clock, on buffers of the right size.
  private func seconds(_ launch: KernelLaunch, _ program: Program) throws(DeviceError) -> Double {
    let queue = try Queue(opened.context, opened.device, isProfiled: true)
    let kernel = try Kernel(program, launch.function)
    // Buffers live until the runs are over.
    var buffers: [Buffer] = []
    for (index, argument) in launch.arguments.enumerated() {
      let bytes: Int
      switch argument {
      case .value(let value): bytes = list[value].byteCount
      case .packed(let tensor): bytes = tensor.byteCount
      case .scratch(let wanted): bytes = wanted
      default:
        try kernel.set(index, argument)
        continue
      }
      let buffer = try Buffer(opened.context, byteCount: bytes)
      // Halves and singles alike are small positive numbers: zeros would draw less power and flatter the clock.
      try buffer.fill(0x3a51_39c7, queue)
      buffers.append(buffer)
      try kernel.set(index, buffer)
    }
    var shortest = Double.infinity
    for run in 0...5 {
      let seconds = try queue.seconds(kernel, launch)
      if run > 0 { shortest = min(shortest, seconds) }
    }
    return shortest
  }
}

extension Kernel {
  /// Sets an argument that is no buffer.
  func set(_ index: Int, _ argument: KernelLaunch.Argument) throws(DeviceError) {
    switch argument {
    case .none: try set(index, nil as Buffer?)
    case .int32(let number): try set(index, number)
    case .uint32(let number): try set(index, number)
    case .uint64(let number): try set(index, number)
    case .float32(let number): try set(index, number)
    case .float64(let number): try set(index, number)
    case .value, .packed, .scratch: preconditionFailure("a buffer")
    }
  }
}

extension Queue {
  /// Runs a kernel once and returns how long the device worked on it; only for profiled queues.
  func seconds(_ kernel: Kernel, _ launch: KernelLaunch) throws(DeviceError) -> Double {
    var event: cl_event?
    try check(
      clEnqueueNDRangeKernel(
        object, kernel.object, cl_uint(launch.globalSize.count), nil, launch.globalSize, launch.localSize, 0, nil,
        &event), "clEnqueueNDRangeKernel(\(launch.function), \(launch.tile))")
    defer { clReleaseEvent(event) }
    try check(clFinish(object), "clFinish")
    var times: [cl_ulong] = []
    for name in [CL_PROFILING_COMMAND_START, CL_PROFILING_COMMAND_END] {
      var nanoseconds: cl_ulong = 0
      try check(
        clGetEventProfilingInfo(event, cl_profiling_info(name), MemoryLayout<cl_ulong>.size, &nanoseconds, nil),
        "clGetEventProfilingInfo")
      times.append(nanoseconds)
    }
    return Double(times[1] &- times[0]) * 1e-9
  }
}
