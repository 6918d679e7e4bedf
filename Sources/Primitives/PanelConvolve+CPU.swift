// The convolution by the panels of Sources/CFusedBlocks.

import CFusedBlocks
import Compute
import Tensors

extension PanelConvolve {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    let list = context.list
    guard isTaken(list, by: .blocks) else { return nil }
    let isBFloat16 = list[convolution.output].type == .bfloat16
    let target = copy?.output ?? convolution.output
    let offset = (copy?.outputOffset ?? 0) * list[target].type.size
    let key = "\(Self.name) \(convolution.output.index)"
    let packed = context.shared.object(key) { PackedConvolution(self, list) }
    context.scratch.reserve(packed.workspaceBytes)
    let scratch = context.scratch
    let images = list[convolution.input].shape[0]
    let run = isBFloat16 ? cfused_convolve_bfloat16 : cfused_convolve_float32
    return { memory in
      run(
        packed.convolution, scratch.address, memory.address(convolution.input),
        convolution.residual.map { memory.address($0) }, memory.address(target) + offset, Int32(images))
    }
  }
}

/// A convolution's shape with its packed filters, shared by all instances; immutable.
private final class PackedConvolution {
  let convolution: UnsafeMutablePointer<cfused_convolution>
  let workspaceBytes: Int
  private let filter: UnsafeMutableRawPointer
  private let bias: UnsafeMutableRawPointer

  init(_ step: PanelConvolve, _ list: CommandList) {
    let part = step.convolution
    let isBFloat16: Int32 = list[part.output].type == .bfloat16 ? 1 : 0
    let input = list[part.input].shape
    let result = list[part.output].shape
    let (low, high) = part.activation.clipBounds ?? (-.infinity, .infinity)
    var shape = cfused_convolution()
    shape.height = Int32(input[1])
    shape.width = Int32(input[2])
    shape.channels = Int32(input[3])
    shape.extent = Int32(part.window.rows)
    shape.stride = Int32(part.window.strideRows)
    shape.top = Int32(part.window.top)
    shape.left = Int32(part.window.left)
    shape.out_height = Int32(result[1])
    shape.out_width = Int32(result[2])
    shape.outputs = Int32(result[3])
    shape.pitch = Int32(step.copy?.outputStrides[0] ?? result[3])
    shape.low = low
    shape.high = high
    cfused_choose_convolution(&shape, isBFloat16)
    let filter = UnsafeMutableRawPointer.allocate(
      byteCount: cfused_convolution_bytes(&shape, isBFloat16), alignment: 64)
    list.tensor(of: part.filter)!.withElements(as: Float.self) {
      cfused_pack_convolution(&shape, isBFloat16, $0.baseAddress, filter)
    }
    let count = quotient(result[3], 16) * 16
    let bias = UnsafeMutableRawPointer.allocate(byteCount: 4 * count, alignment: 64)
    let numbers = bias.initializeMemory(as: Float.self, repeating: 0, count: count)
    if let given = part.bias {
      list.tensor(of: given)!.withElements(as: Float.self) { numbers.update(from: $0.baseAddress!, count: result[3]) }
    }
    shape.filter = UnsafeRawPointer(filter)
    shape.bias = UnsafePointer(numbers)
    workspaceBytes = cfused_convolution_workspace(&shape, isBFloat16)
    convolution = .allocate(capacity: 1)
    convolution.initialize(to: shape)
    self.filter = filter
    self.bias = bias
  }

  deinit {
    convolution.deallocate()
    filter.deallocate()
    bias.deallocate()
  }
}
