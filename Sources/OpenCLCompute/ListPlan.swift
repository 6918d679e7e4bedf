// A command list turned into kernels, memory slots and constants, before any instance exists.

import Compute
import Tensors

/// What all instances of one prepared list share.
final class ListPlan: Sendable {
  let list: CommandList
  let memory: MemoryPlan
  let launches: [KernelLaunch]
  /// The program of each launch.
  let programs: [Program]
  let opened: OpenCLDevice.Opened

  init(_ recorded: CommandList, _ traits: DeviceTraits, _ opened: OpenCLDevice.Opened) throws(DeviceError) {
    let list: CommandList
    do throws(ShapeError) { list = try recorded.fused(for: traits) } catch {
      throw DeviceError.unsupported(error.description)
    }
    self.list = list
    self.opened = opened
    memory = MemoryPlan(list)
    var launches: [KernelLaunch] = []
    for step in list.steps {
      do throws(ShapeError) { launches += try step.launches(list, traits) } catch {
        throw DeviceError.unsupported(error.description)
      }
    }
    let choice = TileChoice(list, opened)
    var programs: [Program] = []
    for index in launches.indices {
      let (launch, program) = try choice.best(launches[index])
      launches[index] = launch
      programs.append(program)
    }
    self.launches = launches
    self.programs = programs
  }

  /// The names of the tiles of the launches that have a choice.
  var tiles: [String] { launches.map(\.tile).filter { !$0.isEmpty } }

  /// The working memory that the launches of an instance take turns in.
  var scratchBytes: Int {
    var bytes = 0
    for launch in launches { for case .scratch(let wanted) in launch.arguments { bytes = max(bytes, wanted) } }
    return bytes
  }

  /// The constants that kernels read, by slot; constants that were only packed are not uploaded as such.
  private var usedConstants: [Int: Tensor] {
    var used: [Int: Tensor] = [:]
    for launch in launches {
      for case .value(let value) in launch.arguments {
        let owner = list.owner(of: value)
        if case .constant(let tensor) = list[owner].kind { used[memory.slot[owner.index]] = tensor }
      }
    }
    return used
  }

  private var packed: [ObjectIdentifier: Tensor] {
    var packed: [ObjectIdentifier: Tensor] = [:]
    for launch in launches {
      for case .packed(let tensor) in launch.arguments { packed[tensor.identity] = tensor }
    }
    return packed
  }

  /// The bytes of everything that is uploaded once.
  var constantBytes: Int {
    var tensors = packed
    for tensor in usedConstants.values { tensors[tensor.identity] = tensor }
    return tensors.values.reduce(0) { $0 + $1.byteCount }
  }

  /// Buffers with the constants, by slot and by tensor.
  struct Constants: Sendable {
    var bySlot: [Int: Buffer] = [:]
    var byTensor: [ObjectIdentifier: Buffer] = [:]
  }

  /// Uploads each tensor once.
  func uploadConstants() throws(DeviceError) -> Constants {
    var constants = Constants()
    for tensor in packed.values { constants.byTensor[tensor.identity] = try upload(tensor) }
    for (slot, tensor) in usedConstants {
      if let known = constants.byTensor[tensor.identity] {
        constants.bySlot[slot] = known
      } else {
        let buffer = try upload(tensor)
        constants.byTensor[tensor.identity] = buffer
        constants.bySlot[slot] = buffer
      }
    }
    return constants
  }

  private func upload(_ tensor: Tensor) throws(DeviceError) -> Buffer {
    let buffer = try Buffer(opened.context, byteCount: tensor.byteCount)
    try tensor.withBytes { (bytes: UnsafeRawBufferPointer) throws(DeviceError) in
      try buffer.write(bytes, opened.uploads)
    }
    return buffer
  }
}
