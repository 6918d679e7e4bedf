// Convolutions by panels, alone and into a slice of channels: exact on integers, and found where they should be.

import CPUCompute
import Compute
import Primitives
import Tensors
import TestSupport
import Testing

@Suite struct PanelConvolveTests {
  static let everything = ProcessorTraits(blockTypes: [.float32, .bfloat16])
  static let definitions = CPUDevice(.init(concurrency: 1, referenceOnly: true))

  /// Two convolutions of one image, side by side in the channels of the output, over small integers: every sum is exact.
  struct Pair {
    let list: CommandList
    let input: Value
    let output: Value
    private let floats: [Float]

    init(seed: UInt64, type: ElementType) throws(ShapeError) {
      var generator = SeededGenerator(seed: seed)
      func draw(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &generator) }
      func integers(_ count: Int) -> [Float] { (0..<count).map { _ in Float(draw(-1...1)) } }
      var list = CommandList()
      let stride = draw(1...2)
      let shape = [draw(1...3), draw(6...24), draw(6...24), 2 * draw(1...20)]
      input = list.input(shape, type, name: "input")
      floats = integers(shape.reduce(1, *))
      let outputs = [draw(1...70), draw(1...70)]
      let pitch = outputs[0] + outputs[1]
      let small = Window(rows: 1, columns: 1, strideRows: stride, strideColumns: stride)
      let extents = [shape[0], small.outputRows(shape[1]), small.outputColumns(shape[2])]
      output = list.output(extents + [pitch], type, name: "output")
      let pixels = extents.reduce(1, *)
      for index in 0..<2 {
        let size = index == 0 ? 1 : 2 * draw(1...2) + 1
        let window = Window(
          rows: size, columns: size, strideRows: stride, strideColumns: stride, top: size / 2, left: size / 2,
          bottom: size / 2, right: size / 2)
        let one = list.transient(extents + [outputs[index]], type, name: "one")
        let filter = [outputs[index], size, size, shape[3]]
        try list.append(
          Convolve(
            input: input, filter: list.floats(filter, integers(filter.reduce(1, *))),
            bias: draw(0...1) == 0 ? nil : list.floats([outputs[index]], integers(outputs[index])), output: one,
            window: window, activation: [.none, .relu, .clip(low: -3, high: 6)][draw(0...2)]))
        try list.append(
          CopyStrided(
            input: one, output: output, extents: [pixels, outputs[index]], inputStrides: [outputs[index], 1],
            outputOffset: index * outputs[0], outputStrides: [pitch, 1]))
      }
      self.list = list
    }

    func run(on device: any Device, _ list: CommandList) async throws -> [UInt8] {
      let instance = try await device.prepare(list, instances: 1)[0]
      if list[input].type == .bfloat16 {
        try instance.write(floats.map { bfloat16($0) }, to: input)
      } else {
        try instance.write(floats, to: input)
      }
      try await instance.run()
      return try instance.read(output)
    }
  }

  @Test("Convolutions of integers into slices are exact", arguments: 0..<40 as Range<UInt64>)
  func exact(seed: UInt64) async throws {
    for type in [ElementType.float32, .bfloat16] {
      let pair = try Pair(seed: seed, type: type)
      let fused = try pair.list.fused(for: Self.everything)
      #expect(fused.steps.count == 2 && fused.steps.allSatisfy { $0 is PanelConvolve })
      let expected = try await pair.run(on: Self.definitions, pair.list)
      #expect(try await pair.run(on: CPUDevice(.init(concurrency: 1)), fused) == expected, "seed \(seed), \(type)")
      #expect(try await pair.run(on: Self.definitions, fused) == expected, "seed \(seed), \(type)")
    }
  }

  /// A residual whose memory the output takes over, and one that is read again later.
  @Test(arguments: [(49, 64, 40), (45, 16, 70), (3, 30, 8)])
  func residualsAreAddedInPlace(width: Int, channels: Int, outputs: Int) async throws {
    var generator = SeededGenerator(seed: 8)
    func integers(_ count: Int) -> [Float] {
      (0..<count).map { _ in Float.random(in: -3...3, using: &generator).rounded() }
    }
    var list = CommandList()
    let x = list.input([2, 3, width, channels], .float32, name: "x")
    let shape = [2, 3, width, outputs]
    let first = list.transient(shape, .float32, name: "first")
    let second = list.transient(shape, .float32, name: "second")
    let y = list.output(shape, .float32, name: "y")
    let point = Window(rows: 1, columns: 1)
    for (residual, output) in [(nil, first), (first, second), (second, y)] as [(Value?, Value)] {
      try list.append(
        Convolve(
          input: x, filter: list.floats([outputs, 1, 1, channels], integers(outputs * channels)), bias: nil,
          residual: residual, output: output, window: point, activation: .relu))
    }
    let numbers = integers(6 * width * channels)
    let expected = try await run(list, on: Self.definitions, [(x, numbers)], read: y, as: Float.self)
    #expect(try await run(list, on: CPUDevice(), [(x, numbers)], read: y, as: Float.self) == expected)
    #expect(try list.fused(for: Self.everything).steps.allSatisfy { $0 is PanelConvolve })
  }

  @Test func otherConvolutionsAndCopiesAreLeftAlone() throws {
    func steps(_ window: Window, groups: Int = 1, isRead: Bool = false, offset: Int = 0) throws -> [any Primitive] {
      var list = CommandList()
      let x = list.input([1, 8, 8, 8], .float32, name: "x")
      let extents = [1, window.outputRows(8), window.outputColumns(8)]
      let one = list.transient(extents + [8], .float32, name: "one")
      let y = list.output(extents + [24], .float32, name: "y")
      let filter = [8, window.rows, window.columns, 8 / groups]
      try list.append(
        Convolve(
          input: x, filter: list.floats(filter, .init(repeating: 1, count: filter.reduce(1, *))), bias: nil,
          output: one,
          window: window, groups: groups))
      try list.append(
        CopyStrided(
          input: one, output: y, extents: [extents[1] * extents[2] - offset, 8], inputOffset: 8 * offset,
          inputStrides: [8, 1], outputStrides: [24, 1]))
      if isRead {
        try list.append(Unary(.negate, input: one, output: list.output(extents + [8], .float32, name: "again")))
      }
      return try list.fused(for: Self.everything).steps
    }
    let three = Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1)
    #expect(try steps(three).count == 1)
    #expect(try steps(three, groups: 2).count == 2)
    #expect(try steps(Window(rows: 3, columns: 1)).count == 2)
    // Read twice, or copied in part: the convolution keeps its own output.
    let point = Window(rows: 1, columns: 1)
    for other in [try steps(point, isRead: true), try steps(point, offset: 1)] {
      let convolution = try #require(other[0] as? PanelConvolve)
      #expect(convolution.copy == nil && other[1] is CopyStrided)
    }
  }
}
