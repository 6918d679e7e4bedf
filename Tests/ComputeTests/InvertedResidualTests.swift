// Whole inverted residual blocks: where they are found, and that they compute what their three convolutions mean.

import CPUCompute
import Compute
import Primitives
import Tensors
import TestSupport
import Testing

@Suite struct InvertedResidualTests {
  /// A block over random integers, so small that every sum is exact in any order, and exact in bfloat16 too.
  struct Block {
    var list = CommandList()
    var input: Value
    var residual: Value?
    var between: [Value] = []
    var output: Value
    var numbers: [(Value, [Float])] = []

    init(
      seed: UInt64, type: ElementType, images: Int, height: Int, width: Int, channels: Int, expanded: Int,
      outputs: Int, first: Int = 1, size: Int = 3, stride: Int = 1, before: Int = 1, after: Int = 1,
      hasResidual: Bool = false, activation: FusedActivation = .clip(low: 0, high: 6)
    ) throws(ShapeError) {
      var generator = SeededGenerator(seed: seed)
      func integers(_ shape: [Int], _ greatest: Int, zeros: Int = 1) -> [Float] {
        (0..<shape.reduce(1, *)).map { _ in
          let x = Int.random(in: -greatest - zeros...greatest + zeros, using: &generator)
          return x.magnitude > greatest ? 0 : Float(x)
        }
      }
      var list = CommandList()
      input = list.input([images, height, width, channels], type, name: "input")
      let firstWindow =
        first == 1
        ? Window(rows: 1, columns: 1)
        : Window(rows: 3, columns: 3, strideRows: 2, strideColumns: 2, top: 1, left: 0, bottom: 1, right: 1)
      let window = Window(
        rows: size, columns: size, strideRows: stride, strideColumns: stride, top: before, left: before, bottom: after,
        right: after)
      let map = [images, firstWindow.outputRows(height), firstWindow.outputColumns(width), expanded]
      let deep = [images, window.outputRows(map[1]), window.outputColumns(map[2]), expanded]
      let e = list.transient(map, type, name: "expanded")
      let d = list.transient(deep, type, name: "deep")
      let result = [images, deep[1], deep[2], outputs]
      if hasResidual { residual = list.input(result, type, name: "residual") }
      output = list.output(result, type, name: "output")
      between = [e, d]
      func bias(_ count: Int) -> Value { list.floats([count], integers([count], 2)) }
      try list.append(
        Convolve(
          input: input,
          filter: list.floats([expanded, first, first, channels], integers([expanded, first, first, channels], 1)),
          bias: bias(expanded), output: e, window: firstWindow, activation: activation))
      try list.append(
        Convolve(
          input: e, filter: list.floats([expanded, size, size, 1], integers([expanded, size, size, 1], 1, zeros: 3)),
          bias: bias(expanded), output: d, window: window, groups: expanded, activation: activation))
      try list.append(
        Convolve(
          input: d, filter: list.floats([outputs, 1, 1, expanded], integers([outputs, 1, 1, expanded], 1)),
          bias: bias(outputs), residual: residual, output: output, window: Window(rows: 1, columns: 1)))
      self.list = list
      numbers = [(input, integers(list[input].shape, 1))]
      if let residual { numbers.append((residual, integers(list[residual].shape, 3))) }
    }

    /// The bytes of the inputs in the block's type.
    func write(to instance: any PreparedList) throws {
      for (value, floats) in numbers {
        if list[value].type == .bfloat16 {
          try instance.write(floats.map { bfloat16($0) }, to: value)
        } else {
          try instance.write(floats, to: value)
        }
      }
    }

    func run(on device: any Device, _ list: CommandList? = nil) async throws -> [UInt8] {
      let instance = try await device.prepare(list ?? self.list, instances: 1)[0]
      try write(to: instance)
      try await instance.run()
      return try instance.read(output)
    }
  }

  static let everything = ProcessorTraits(blockTypes: [.float32, .bfloat16])
  static let definitions = CPUDevice(.init(concurrency: 1, referenceOnly: true))

  /// Random shapes: widths that no tile divides, strips with a short end, several slabs with a part of the last one.
  @Test("Blocks of integers are exact", arguments: 0..<48 as Range<UInt64>)
  func exact(seed: UInt64) async throws {
    var generator = SeededGenerator(seed: seed)
    func draw(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &generator) }
    let isFirst = seed % 5 == 4
    let size = draw(0...1) * 2 + 3
    let stride = draw(1...2)
    let isLarge = seed % 6 == 0
    let before = draw(0...2)
    for type in [ElementType.float32, .bfloat16] {
      let block = try Block(
        seed: seed, type: type, images: draw(1...4), height: isLarge ? draw(40...60) : draw(8...20),
        width: isLarge ? draw(40...60) : draw(8...20), channels: isFirst ? draw(1...4) : 2 * draw(1...8),
        expanded: isFirst ? draw(1...2) * 32 - draw(0...6) : draw(1...3) * 48 - draw(0...10), outputs: draw(1...70),
        first: isFirst ? 3 : 1, size: size, stride: stride, before: before, after: size - 1 - before,
        hasResidual: draw(0...1) == 0,
        activation: [.clip(low: 0, high: 6), .relu, .clip(low: -2, high: 3)][draw(0...2)])
      let fused = try block.list.fused(for: Self.everything)
      #expect(fused.steps.count == 1)
      let expected = try await block.run(on: Self.definitions)
      #expect(try await block.run(on: CPUDevice(.init(concurrency: 1)), fused) == expected, "seed \(seed), \(type)")
      #expect(try await block.run(on: Self.definitions, fused) == expected, "seed \(seed), \(type)")
    }
  }

  /// On a processor with the instructions the device computes blocks at once, and says so; otherwise it does not.
  @Test func theDeviceFusesWhatItsIdentitySays() async throws {
    let device = CPUDevice()
    for type in [ElementType.float32, .bfloat16]
    where device.precisions.contains(type == .float32 ? .float32 : .bfloat16) {
      let block = try Block(
        seed: 1, type: type, images: 2, height: 14, width: 14, channels: 16, expanded: 96, outputs: 24)
      let steps = try device.fused(block.list).steps
      if device.identity.variant.contains("AMX") && type == .bfloat16 { continue }
      #expect(steps.first is InvertedResidual == device.identity.variant.hasSuffix(" with blocks"))
      for plain in [CPUDevice(.init(fusesSteps: false)), Self.definitions] {
        #expect(try plain.fused(block.list).steps.count == 3)
        #expect(!plain.identity.variant.contains("blocks"))
      }
    }
  }

  /// A sample's bits depend neither on its slot nor on its company, nor on the size of the batch.
  @Test(arguments: [(14, 14, 1), (7, 7, 1), (40, 36, 2)])
  func samplesDoNotDependOnTheirSlot(height: Int, width: Int, stride: Int) async throws {
    let device = CPUDevice(.init(concurrency: 1))
    var generator = SeededGenerator(seed: 5)
    let sample = (0..<height * width * 16).map { _ in Float.random(in: -1...1, using: &generator) }
    for type in [ElementType.float32, .bfloat16]
    where device.precisions.contains(type == .float32 ? .float32 : .bfloat16) {
      var seen: Set<[UInt8]> = []
      for images in [1, 5] {
        for slot in 0..<images {
          var block = try Block(
            seed: 2, type: type, images: images, height: height, width: width, channels: 16, expanded: 96, outputs: 40,
            stride: stride)
          var numbers = (0..<images * sample.count).map { _ in Float.random(in: -1...1, using: &generator) }
          numbers.replaceSubrange(slot * sample.count..<(slot + 1) * sample.count, with: sample)
          block.numbers = [(block.input, numbers)]
          let bytes = try await block.run(on: device)
          seen.insert(Array(bytes[bytes.count / images * slot..<bytes.count / images * (slot + 1)]))
        }
      }
      #expect(seen.count == 1, "\(type) \(height)x\(width)")
    }
  }

  /// A NaN in the image is a NaN wherever the definition has one; in bfloat16 perhaps in a column more.
  @Test func notANumberStaysOne() async throws {
    let device = CPUDevice(.init(concurrency: 1))
    for type in [ElementType.float32, .bfloat16]
    where device.precisions.contains(type == .float32 ? .float32 : .bfloat16) {
      var block = try Block(
        seed: 4, type: type, images: 2, height: 14, width: 14, channels: 8, expanded: 48, outputs: 8)
      block.numbers[0].1[14 * 8 * 5 + 8 * 6] = .nan
      let patterns = { (bytes: [UInt8]) in
        bytes.withUnsafeBytes { bytes in
          type == .float32
            ? bytes.bindMemory(to: Float.self).map(\.isNaN)
            : bytes.bindMemory(to: UInt16.self).map { Float(bitPattern: UInt32($0) << 16).isNaN }
        }
      }
      let expected = patterns(try await block.run(on: Self.definitions))
      let actual = patterns(try await block.run(on: device))
      #expect(expected.count(where: { $0 }) == 9 * 8)
      #expect(zip(expected, actual).allSatisfy { $1 || !$0 })
      #expect(actual.count(where: { $0 }) <= (type == .float32 ? 9 : 15) * 8)
    }
  }

  /// What lies between the convolutions is needed elsewhere, or a convolution is of another kind: nothing is replaced.
  @Test func otherChainsAreLeftAlone() throws {
    func steps(_ change: (inout Block) throws(ShapeError) -> Void) throws -> Int {
      var block = try Block(
        seed: 3, type: .float32, images: 1, height: 9, width: 9, channels: 8, expanded: 48, outputs: 8)
      try change(&block)
      return try block.list.fused(for: Self.everything).steps.count
    }
    #expect(try steps { _ in } == 1)
    for index in 0..<2 {
      let count = try steps { (block) throws(ShapeError) in
        let copy = block.list.output(block.list[block.between[index]].shape, .float32, name: "copy")
        try block.list.append(Unary(.negate, input: block.between[index], output: copy))
      }
      #expect(count == 4)
    }
    // The input changes before the last convolution.
    let list = try changingInput()
    #expect(try list.fused(for: Self.everything).steps.count == list.steps.count)
    // A processor without the instructions, or for the other type only.
    for types in [[], [ElementType.bfloat16]] as [Set<ElementType>] {
      let block = try Block(
        seed: 3, type: .float32, images: 1, height: 9, width: 9, channels: 8, expanded: 48, outputs: 8)
      #expect(try block.list.fused(for: ProcessorTraits(blockTypes: types)).steps.count == 3)
    }
    // bfloat16 multiplies pairs of channels; a slab that is mostly empty is no gain.
    for (type, channels, expanded) in [(ElementType.bfloat16, 7, 48), (.float32, 8, 50)] {
      let block = try Block(
        seed: 3, type: type, images: 1, height: 9, width: 9, channels: channels, expanded: expanded, outputs: 8)
      #expect(try block.list.fused(for: Self.everything).steps.count == 3)
    }
  }

  private func changingInput() throws(ShapeError) -> CommandList {
    let block = try Block(
      seed: 3, type: .float32, images: 1, height: 9, width: 9, channels: 8, expanded: 48, outputs: 8)
    var list = CommandList()
    // The same values under the same indices, with the input as a state that is cleared after the first step.
    for value in block.list.values {
      switch value.kind {
      case .constant(let tensor): _ = list.constant(tensor)
      case .input: _ = list.state(value.shape, value.type, name: value.name)
      case .output: _ = list.output(value.shape, value.type, name: value.name)
      default: _ = list.transient(value.shape, value.type, name: value.name)
      }
    }
    var steps = block.list.steps
    steps.insert(Fill(output: block.input, number: 0), at: 1)
    return try list.with(steps: steps)
  }

  @Test func aBlockHasNoKernel() throws {
    let block = try Block(
      seed: 3, type: .float32, images: 1, height: 9, width: 9, channels: 8, expanded: 48, outputs: 8)
    let fused = try block.list.fused(for: Self.everything)
    let traits = DeviceTraits(
      kind: .cpu, rungs: [], maximumWorkGroup: 256, localMemory: 1 << 15, hasDouble: true, computeUnits: 1)
    #expect(throws: ShapeError.self) { try fused.steps[0].launches(fused, traits) }
  }

  /// The expanded maps take no memory.
  @Test func whatPassesBetweenTakesNoMemory() throws {
    let block = try Block(
      seed: 3, type: .float32, images: 2, height: 20, width: 20, channels: 8, expanded: 96, outputs: 8)
    let ends = block.list[block.input].byteCount + block.list[block.output].byteCount
    #expect(try MemoryPlan(block.list.fused(for: Self.everything)).instanceBytes == ends)
    #expect(MemoryPlan(block.list).instanceBytes > 10 * ends)
  }
}
