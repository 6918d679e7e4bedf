// Steps that move elements without arithmetic: equal bits everywhere.

import Compute
import Primitives
import Tensors

private func copy(
  _ name: String, input: [Int], output: [Int], extents: [Int], inputOffset: Int = 0, inputStrides: [Int],
  outputOffset: Int = 0, outputStrides: [Int]
) -> AgreementCase {
  AgreementCase(CopyStrided.name, name, .exact) { builder throws(ShapeError) in
    let source = builder.input(input, special: [2: .nan])
    let target = builder.output(output)
    try builder.append(Fill(output: target, number: 7))
    try builder.append(
      CopyStrided(
        input: source, output: target, extents: extents, inputOffset: inputOffset, inputStrides: inputStrides,
        outputOffset: outputOffset, outputStrides: outputStrides))
  }
}

private let copyCases: [AgreementCase] = [
  copy(
    "all", input: [2, 3, 17], output: [2, 3, 17], extents: [2, 3, 17], inputStrides: [51, 17, 1],
    outputStrides: [51, 17, 1]),
  copy(
    "transpose", input: [13, 21], output: [21, 13], extents: [21, 13], inputStrides: [1, 21], outputStrides: [13, 1]),
  copy(
    "channels first to last", input: [2, 5, 6, 7], output: [2, 6, 7, 5], extents: [2, 6, 7, 5],
    inputStrides: [210, 7, 1, 42], outputStrides: [210, 35, 5, 1]),
  copy(
    "slice", input: [9, 10], output: [3, 4], extents: [3, 4], inputOffset: 12, inputStrides: [20, 2],
    outputStrides: [4, 1]),
  copy("reversed", input: [50], output: [25], extents: [25], inputOffset: 48, inputStrides: [-2], outputStrides: [1]),
  copy(
    "expand", input: [7], output: [3, 7, 5], extents: [3, 7, 5], inputStrides: [0, 1, 0], outputStrides: [35, 5, 1]),
  copy(
    "pad", input: [2, 4, 5, 3], output: [2, 7, 9, 3], extents: [2, 4, 5, 3], inputStrides: [60, 15, 3, 1],
    outputOffset: 33, outputStrides: [189, 27, 3, 1]),
  copy(
    "concatenate second half", input: [6, 8], output: [6, 20], extents: [6, 8], inputStrides: [8, 1], outputOffset: 12,
    outputStrides: [20, 1]),
  copy(
    "six dimensions", input: [2, 3, 2, 3, 2, 5], output: [5, 2, 3, 2, 3, 2], extents: [5, 2, 3, 2, 3, 2],
    inputStrides: [1, 5, 10, 30, 60, 180], outputStrides: [72, 36, 12, 6, 2, 1]),
  copy("scalar", input: [3], output: [1], extents: [], inputOffset: 1, inputStrides: [], outputStrides: []),
]

private let gatherCases: [AgreementCase] = [
  ("rows", 1, 31, 12, false), ("middle", 3, 9, 5, false), ("elements of a constant", 2, 17, 1, true),
].map { name, outer, length, inner, isConstant in
  AgreementCase(Gather.name, name, .exact) { builder throws(ShapeError) in
    let data = isConstant ? builder.constant([outer, length, inner]) : builder.input([outer, length, inner])
    let picks: [Int32] = [0, Int32(length) - 1, -1, 3, 3, Int32(length), -Int32(length) - 1, -Int32(length)]
    let indices = builder.input([picks.count], .int32, picks)
    try builder.append(
      Gather(
        data: data, indices: indices, output: builder.output([outer, picks.count, inner]), outer: outer,
        length: length, inner: inner))
  }
}

private func fill(_ name: String, _ number: Float) -> AgreementCase {
  AgreementCase(Fill.name, name, .exact) { builder throws(ShapeError) in
    try builder.append(Fill(output: builder.output([1234]), number: number))
  }
}

private func convert<Element: BitwiseCopyable & Sendable>(
  _ name: String, _ from: ElementType, _ elements: [Element], to type: ElementType
) -> AgreementCase {
  AgreementCase(Convert.name, name, .exact, precisions: [.float32]) { builder throws(ShapeError) in
    let input = builder.input([elements.count], from, elements)
    try builder.append(Convert(input: input, output: builder.output([elements.count], type)))
  }
}

private let floats: [Float] = [
  0, -0.0, 1, -1, 0.5, 1.5, 2.5, -2.5, 127.4, 128, -129, 255.9, 300, 1e9, 3e9, -3e9, 1e30, -1e30, .infinity, -.infinity,
  .nan, 1.00390625, 1.01171875, 3.14159,
]
private let integers: [Int32] = [0, 1, -1, 127, 128, -128, -129, 255, 256, 16_777_217, -16_777_219, .max, .min]

let movementCases: [AgreementCase] =
  copyCases + gatherCases + [fill("number", 0.3), fill("minus infinity", -.infinity)]
  + [
    convert("float32 to int8", .float32, floats, to: .int8), convert("float32 to uint8", .float32, floats, to: .uint8),
    convert("float32 to int32", .float32, floats, to: .int32), convert("float32 to bool", .float32, floats, to: .bool),
    convert("int32 to float32", .int32, integers, to: .float32),
    convert("int32 to uint8", .int32, integers, to: .uint8),
    convert("uint8 to float32", .uint8, (0...255).map { UInt8($0) }, to: .float32),
    convert("int8 to float32", .int8, (-128...127).map { Int8($0) }, to: .float32),
  ]
