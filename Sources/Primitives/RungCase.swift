// Small problems with exact answers on which a device's kernel variants are tried before they are used.

import Compute
import Tensors

/// One command list with integer inputs, whose result is exact whatever the order of summation: sums in binary32, results
/// in the type of the activations.
package struct RungCase: Sendable {
  package let list: CommandList
  /// Which integers each input holds.
  private let seeds: [(value: Value, seed: UInt32)]
  package let output: Value

  /// The bytes of every input.
  package var inputs: [(Value, [UInt8])] {
    seeds.map { ($0.value, Self.encoded(Self.integers(list[$0.value].count, $0.seed), list[$0.value].type)) }
  }

  /// Convolutions (pad, stride, odd channels, residual, depthwise) and matrix products with ragged edges.
  package static var all: [RungCase] {
    [
      convolution([2, 9, 11, 16], outputs: 40, Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1)),
      convolution(
        [1, 13, 13, 3], outputs: 33,
        Window(
          rows: 7, columns: 7, strideRows: 2, strideColumns: 2, top: 3,
          left: 3, bottom: 3, right: 3)),
      convolution([3, 7, 5, 24], outputs: 140, Window(rows: 1, columns: 1)),
      convolution([1, 6, 6, 96], outputs: 16, Window(rows: 1, columns: 1, strideRows: 2, strideColumns: 2)),
      convolution(
        [2, 10, 9, 20], outputs: 20, Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1), groups: 20),
      matrixProduct(m: 37, n: 50, k: 45), matrixProduct(m: 130, n: 200, k: 64),
      matrixProduct(m: 21, n: 39, k: 50, transposeRight: true),
    ]
  }

  /// Layers for the tiles of NVIDIA's rungs: one, two and many slabs of 64 k values, channels that do not fill a slab,
  /// pixels and outputs that do not fill a tile, pads, strides, dilation, few channels; a product with a constant matrix.
  package static func tiled(_ type: ElementType) -> [RungCase] {
    [
      convolution(
        [2, 9, 11, 72], outputs: 136, Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1), type: type),
      convolution(
        [1, 14, 13, 64], outputs: 40,
        Window(
          rows: 3, columns: 2, strideRows: 2, strideColumns: 1, dilationRows: 1, dilationColumns: 2, top: 1, left: 1,
          bottom: 0, right: 1), type: type),
      convolution([3, 7, 8, 64], outputs: 136, Window(rows: 1, columns: 1), type: type),
      convolution([1, 13, 10, 120], outputs: 200, Window(rows: 1, columns: 1), type: type),
      convolution([2, 9, 8, 48], outputs: 64, Window(rows: 1, columns: 1), type: type),
      convolution(
        [2, 13, 15, 3], outputs: 40,
        Window(rows: 7, columns: 7, strideRows: 2, strideColumns: 2, top: 3, left: 2, bottom: 3, right: 3), type: type),
      convolution(
        [1, 9, 10, 3], outputs: 72, Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1), type: type),
      convolution(
        [2, 22, 25, 64], outputs: 64, Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1), type: type,
        hasResidual: false), constantProduct(m: 37, n: 264, k: 320, type: type),
      shortcut([2, 7, 6, 72], channels: 40, outputs: 136, type: type), pooled([2, 36, 44, 3], type: type),
    ]
  }

  /// Layers of about one work-group with several slabs of k values, for devices that are interpreted.
  package static func tiny(_ type: ElementType) -> [RungCase] {
    [
      convolution([1, 3, 5, 136], outputs: 24, Window(rows: 1, columns: 1), type: type),
      convolution([1, 3, 5, 136], outputs: 72, Window(rows: 1, columns: 1), type: type),
      convolution([1, 2, 5, 72], outputs: 72, Window(rows: 1, columns: 1), type: type),
      shortcut([1, 2, 3, 72], channels: 40, outputs: 72, type: type),
      convolution(
        [1, 5, 6, 64], outputs: 64, Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1), type: type,
        hasResidual: false), pooled([1, 12, 12, 3], type: type),
    ]
  }

  /// Blocks of about one work-group, an inner one and a network's first.
  package static func tinyBlocks(_ type: ElementType) -> [Block] {
    [
      block([1, 5, 6, 24], expanded: 192, outputs: 24, size: 3, type: type, hasResidual: true),
      block([2, 9, 9, 3], expanded: 32, outputs: 16, size: 3, type: type, isFirst: true),
    ]
  }

  /// Layers of hundreds of tiles.
  package static func wide(_ type: ElementType) -> [RungCase] {
    [
      convolution(
        [8, 56, 56, 64], outputs: 256, Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1), type: type),
      convolution([16, 56, 56, 64], outputs: 64, Window(rows: 1, columns: 1), type: type),
      convolution([8, 56, 56, 128], outputs: 256, Window(rows: 1, columns: 1), type: type),
      convolution(
        [80, 56, 56, 64], outputs: 64, Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1), type: type,
        hasResidual: false),
    ]
  }

  /// A block with what decides which tiles fit it.
  package struct Block {
    package let run: RungCase
    let shape: BlockShape?
  }

  /// Inverted residual blocks: strides, windows of 3 and 5, with and without a residual, ragged maps; a network's first.
  package static func blocks(_ type: ElementType) -> [Block] {
    [
      block([1, 9, 10, 24], expanded: 192, outputs: 24, size: 3, type: type, hasResidual: true),
      block([2, 12, 11, 16], expanded: 96, outputs: 24, size: 3, stride: 2, type: type),
      block([1, 7, 17, 24], expanded: 192, outputs: 40, size: 5, type: type),
      block([3, 7, 7, 40], expanded: 144, outputs: 40, size: 3, type: type, hasResidual: true),
      block([2, 21, 25, 3], expanded: 32, outputs: 16, size: 3, type: type, isFirst: true),
      block([2, 9, 11, 32], expanded: 96, outputs: 48, size: 5, stride: 2, type: type),
    ]
  }

  /// A block of thousands of tiles.
  package static func wideBlocks(_ type: ElementType) -> [RungCase] {
    [block([96, 28, 28, 32], expanded: 192, outputs: 32, size: 3, type: type, hasResidual: true).run]
  }

  /// The tiles that a device with these traits would run the case by.
  package func tiles(_ traits: DeviceTraits) -> [String] {
    guard let fused = try? list.fused(for: traits) else { return [] }
    let launches = fused.steps.flatMap { (try? $0.launches(fused, traits)) ?? [] }
    return launches.map(\.tile).filter { !$0.isEmpty }
  }

  /// Whether the output's bytes hold a NaN, of the output's type.
  package func hasNaN(_ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { bytes in
      switch list[output].type {
      case .float32: bytes.bindMemory(to: Float.self).contains { $0.isNaN }
      case .bfloat16: bytes.bindMemory(to: UInt16.self).contains { $0 & 0x7fff > 0x7f80 }
      case .float16: bytes.bindMemory(to: UInt16.self).contains { $0 & 0x7fff > 0x7c00 }
      default: false
      }
    }
  }

  private static func convolution(
    _ shape: [Int], outputs: Int, _ window: Window, groups: Int = 1, type: ElementType = .float32,
    hasResidual: Bool = true
  ) -> RungCase {
    var list = CommandList()
    let input = list.input(shape, type, name: "input")
    let result = [shape[0], window.outputRows(shape[1]), window.outputColumns(shape[2]), outputs]
    let residual = hasResidual ? list.input(result, type, name: "residual") : nil
    let output = list.output(result, type, name: "output")
    let filterShape = [outputs, window.rows, window.columns, shape[3] / groups]
    let filter = list.constant(Tensor(shape: filterShape, floats: integers(filterShape.reduce(1, *), 3)))
    let bias = list.constant(Tensor(shape: [outputs], floats: integers(outputs, 5)))
    append(
      Convolve(
        input: input, filter: filter, bias: bias, residual: residual, output: output, window: window, groups: groups,
        activation: bounds), &list)
    var seeds: [(value: Value, seed: UInt32)] = [(input, 7)]
    if let residual { seeds.append((residual, 11)) }
    return RungCase(list: list, seeds: seeds, output: output)
  }

  /// A residual block's end: a convolution on the shortcut, whose result is the residual of the last one.
  private static func shortcut(_ shape: [Int], channels: Int, outputs: Int, type: ElementType) -> RungCase {
    var list = CommandList()
    let input = list.input(shape, type, name: "input")
    let before = list.input([shape[0], 2 * shape[1], 2 * shape[2], channels], type, name: "before")
    let result = [shape[0], shape[1], shape[2], outputs]
    let residual = list.transient(result, type, name: "residual")
    let output = list.output(result, type, name: "output")
    for (source, target, seed) in [(before, residual, UInt32(3)), (input, output, 5)] {
      let inner = list[source].shape[3]
      let filter = list.constant(Tensor(shape: [outputs, 1, 1, inner], floats: integers(outputs * inner, seed)))
      let bias = list.constant(Tensor(shape: [outputs], floats: integers(outputs, seed + 1)))
      let isLast = target == output
      append(
        Convolve(
          input: source, filter: filter, bias: bias, residual: isLast ? residual : nil, output: target,
          window: isLast
            ? Window(rows: 1, columns: 1) : Window(rows: 1, columns: 1, strideRows: 2, strideColumns: 2),
          activation: isLast ? bounds : .none), &list)
    }
    return RungCase(list: list, seeds: [(input, 7), (before, 11)], output: output)
  }

  /// A network's first convolution with ReLU and pooling.
  private static func pooled(_ shape: [Int], type: ElementType) -> RungCase {
    var list = CommandList()
    let window = Window(rows: 7, columns: 7, strideRows: 2, strideColumns: 2, top: 3, left: 3, bottom: 3, right: 3)
    let pooling = Window(rows: 3, columns: 3, strideRows: 2, strideColumns: 2, top: 1, left: 1, bottom: 1, right: 1)
    let (rows, columns) = (window.outputRows(shape[1]), window.outputColumns(shape[2]))
    let input = list.input(shape, type, name: "input")
    let middle = list.transient([shape[0], rows, columns, 64], type, name: "middle")
    let output = list.output([shape[0], rows / 2, columns / 2, 64], type, name: "output")
    let filter = list.constant(Tensor(shape: [64, 7, 7, shape[3]], floats: integers(64 * 49 * shape[3], 3)))
    let bias = list.constant(Tensor(shape: [64], floats: integers(64, 5)))
    append(
      Convolve(input: input, filter: filter, bias: bias, output: middle, window: window, activation: .relu), &list)
    append(Pool(kind: .maximum, input: middle, output: output, window: pooling), &list)
    return RungCase(list: list, seeds: [(input, 7)], output: output)
  }

  package static func block(
    _ shape: [Int], expanded: Int, outputs: Int, size: Int, stride: Int = 1, type: ElementType,
    hasResidual: Bool = false, isFirst: Bool = false
  ) -> Block {
    var list = CommandList()
    let first =
      isFirst
      ? Window(rows: 3, columns: 3, strideRows: 2, strideColumns: 2, top: 1, left: 1, bottom: 1, right: 1)
      : Window(rows: 1, columns: 1)
    let pad = size / 2
    let window = Window(
      rows: size, columns: size, strideRows: stride, strideColumns: stride, top: pad, left: pad, bottom: pad,
      right: pad)
    let input = list.input(shape, type, name: "input")
    let map = [shape[0], first.outputRows(shape[1]), first.outputColumns(shape[2]), expanded]
    let result = [shape[0], window.outputRows(map[1]), window.outputColumns(map[2])]
    let wide = list.transient(map, type, name: "expanded")
    let deep = list.transient(result + [expanded], type, name: "depthwise")
    let output = list.output(result + [outputs], type, name: "output")
    func parameters(_ shape: [Int], _ seed: UInt32) -> Value {
      list.constant(Tensor(shape: shape, floats: integers(shape.reduce(1, *), seed)))
    }
    let six = FusedActivation.clip(low: 0, high: 6)
    let steps = [
      Convolve(
        input: input, filter: parameters([expanded, first.rows, first.columns, shape[3]], 3),
        bias: parameters([expanded], 5), output: wide, window: first, activation: six),
      Convolve(
        input: wide, filter: parameters([expanded, size, size, 1], 7), bias: parameters([expanded], 9), output: deep,
        window: window, groups: expanded, activation: six),
      Convolve(
        input: deep, filter: parameters([outputs, 1, 1, expanded], 11), bias: parameters([outputs], 13),
        residual: hasResidual ? input : nil, output: output, window: Window(rows: 1, columns: 1)),
    ]
    for step in steps { append(step, &list) }
    let chain = InvertedResidual(expansion: steps[0], depthwise: steps[1], projection: steps[2])
    return Block(
      run: RungCase(list: list, seeds: [(input, 17)], output: output),
      shape: BlockShape(chain, list))
  }

  private static func matrixProduct(m: Int, n: Int, k: Int, transposeRight: Bool = false) -> RungCase {
    var list = CommandList()
    let left = list.input([2, m, k], .float32, name: "left")
    let right = list.input(transposeRight ? [2, n, k] : [2, k, n], .float32, name: "right")
    let output = list.output([2, m, n], .float32, name: "output")
    append(
      MatrixMultiply(
        left: left, right: right, output: output, m: m, n: n, k: k, batchShape: [2], leftBatchStrides: [m * k],
        rightBatchStrides: [k * n], transposeRight: transposeRight), &list)
    return RungCase(list: list, seeds: [(left, 3), (right, 5)], output: output)
  }

  private static func constantProduct(m: Int, n: Int, k: Int, type: ElementType) -> RungCase {
    var list = CommandList()
    let left = list.input([m, k], type, name: "left")
    let right = list.constant(Tensor(shape: [k, n], floats: integers(n * k, 5)))
    let bias = list.constant(Tensor(shape: [n], floats: integers(n, 9)))
    let output = list.output([m, n], type, name: "output")
    append(
      MatrixMultiply(left: left, right: right, bias: bias, output: output, m: m, n: n, k: k, activation: bounds), &list)
    return RungCase(list: list, seeds: [(left, 3)], output: output)
  }

  /// Integers up to 256 are exact in bfloat16; most sums stay within the bounds.
  private static let bounds = FusedActivation.clip(low: -200, high: 250)

  private static func encoded(_ numbers: [Float], _ type: ElementType) -> [UInt8] {
    switch type {
    case .bfloat16: numbers.map { bfloat16($0) }.withUnsafeBytes { Array($0) }
    case .float16: numbers.map { half($0) }.withUnsafeBytes { Array($0) }
    default: numbers.withUnsafeBytes { Array($0) }
    }
  }

  private static func append(_ step: some Primitive, _ list: inout CommandList) {
    do throws(ShapeError) { try list.append(step) } catch { preconditionFailure(error.description) }
  }

  /// Integers from -4 to 4 in a fixed order.
  private static func integers(_ count: Int, _ seed: UInt32) -> [Float] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return Float(Int(state >> 16) % 9 - 4)
    }
  }
}
