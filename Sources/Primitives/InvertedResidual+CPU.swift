// The block by the strips of Sources/CFusedBlocks.

import CFusedBlocks
import Compute
import Tensors

extension InvertedResidual {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    let list = context.list
    let type = list[projection.output].type
    guard isTaken(list, by: .blocks) else { return nil }
    let packed = context.shared.object("\(Self.name) \(projection.output.index)") { PackedBlock(self, list) }
    context.scratch.reserve(packed.workspaceBytes)
    let scratch = context.scratch
    let images = list[expansion.input].shape[0]
    let run = type == .bfloat16 ? cfused_run_bfloat16 : cfused_run_float32
    return { memory in
      run(
        packed.block, scratch.address, memory.address(expansion.input), projection.residual.map { memory.address($0) },
        memory.address(projection.output), Int32(images))
    }
  }
}

extension ProcessorTraits {
  /// The blocks that this processor has instructions for.
  package static var blocks: ProcessorTraits {
    switch cfused_level() {
    case 2...: ProcessorTraits(blockTypes: [.float32, .bfloat16])
    case 1: ProcessorTraits(blockTypes: [.float32])
    default: ProcessorTraits(blockTypes: [])
    }
  }
}

/// A block's shape with its packed filters, shared by all instances; immutable.
private final class PackedBlock {
  let block: UnsafeMutablePointer<cfused_block>
  let workspaceBytes: Int
  private var memory: [UnsafeMutableRawPointer] = []

  init(_ step: InvertedResidual, _ list: CommandList) {
    let isBFloat16: Int32 = list[step.projection.output].type == .bfloat16 ? 1 : 0
    block = .allocate(capacity: 1)
    block.initialize(to: step.shape(list))
    cfused_choose(block, Int32(list[step.expansion.input].shape[0]), isBFloat16)
    workspaceBytes = cfused_workspace(block, isBFloat16)
    let channels = list[step.depthwise.output].shape[3]
    var filters: [UnsafeRawPointer] = []
    var biases: [UnsafePointer<Float>] = []
    for (stage, part) in [step.expansion, step.depthwise, step.projection].enumerated() {
      let packed = UnsafeMutableRawPointer.allocate(
        byteCount: cfused_packed_bytes(block, Int32(stage), isBFloat16), alignment: 64)
      list.tensor(of: part.filter)!.withElements(as: Float.self) {
        cfused_pack(block, Int32(stage), isBFloat16, $0.baseAddress, Int32(channels), packed)
      }
      let outputs = list[part.output].shape[3]
      let count = quotient(max(outputs, Int(block.pointee.expanded)), 16) * 16
      let bias = UnsafeMutableRawPointer.allocate(byteCount: 4 * count, alignment: 64)
      let numbers = bias.initializeMemory(as: Float.self, repeating: 0, count: count)
      if let given = part.bias {
        list.tensor(of: given)!.withElements(as: Float.self) { numbers.update(from: $0.baseAddress!, count: outputs) }
      }
      memory += [packed, bias]
      filters.append(UnsafeRawPointer(packed))
      biases.append(UnsafePointer(numbers))
    }
    block.pointee.filters = (filters[0], filters[1], filters[2])
    block.pointee.biases = (biases[0], biases[1], biases[2])
  }

  deinit {
    for pointer in memory { pointer.deallocate() }
    block.deallocate()
  }
}

extension InvertedResidual {
  /// The block in numbers, without filters.
  fileprivate func shape(_ list: CommandList) -> cfused_block {
    let input = list[expansion.input].shape
    let map = list[depthwise.input].shape
    let result = list[projection.output].shape
    var block = cfused_block()
    block.in_height = Int32(input[1])
    block.in_width = Int32(input[2])
    block.channels = Int32(input[3])
    block.expand_extent = Int32(expansion.window.rows)
    block.expand_stride = Int32(expansion.window.strideRows)
    block.expand_top = Int32(expansion.window.top)
    block.expand_left = Int32(expansion.window.left)
    block.height = Int32(map[1])
    block.width = Int32(map[2])
    block.expanded = Int32(expandedChannels(list))
    block.slab = Int32(slab)
    block.extent = Int32(depthwise.window.rows)
    block.stride = Int32(depthwise.window.strideRows)
    block.top = Int32(depthwise.window.top)
    block.left = Int32(depthwise.window.left)
    block.out_height = Int32(result[1])
    block.out_width = Int32(result[2])
    block.outputs = Int32(result[3])
    let bounds = [expansion, depthwise, projection].map { $0.activation.clipBounds ?? (-.infinity, .infinity) }
    block.low = (bounds[0].low, bounds[1].low, bounds[2].low)
    block.high = (bounds[0].high, bounds[1].high, bounds[2].high)
    return block
  }
}
