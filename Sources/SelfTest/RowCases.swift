// Pooling, reductions, softmax, layer normalisation, votes.

import Compute
import Primitives
import Tensors

private func pool(
  _ name: String, _ kind: Pool.Kind, _ window: Window, _ output: (Int, Int), includePadding: Bool = false,
  channels: Int = 21
) -> AgreementCase {
  let terms = window.rows * window.columns
  let tolerance: Tolerance =
    kind == .maximum
    ? .exact
    : .computed { builder in
      // The numbers are at most 1 in magnitude, so their mean is; the sum, the divisor and the quotient err.
      Array(repeating: gamma(terms + 4), count: 2 * output.0 * output.1 * channels)
    }
  return AgreementCase(Pool.name, name, tolerance) { builder throws(ShapeError) in
    let input = builder.input([2, 9, 10, channels], special: [100: .nan])
    try builder.append(
      Pool(
        kind: kind, input: input, output: builder.output([2, output.0, output.1, channels]), window: window,
        countIncludePadding: includePadding))
  }
}

private let poolCases: [AgreementCase] = [
  pool(
    "max 3x3 stride 2", .maximum,
    Window(rows: 3, columns: 3, strideRows: 2, strideColumns: 2, top: 1, left: 1, bottom: 1, right: 1), (5, 5)),
  pool("max 2x2", .maximum, Window(rows: 2, columns: 2, strideRows: 2, strideColumns: 2), (4, 5)),
  pool(
    "max 3x3 ceil", .maximum, Window(rows: 3, columns: 3, strideRows: 2, strideColumns: 2), (4, 5), channels: 64),
  pool("max dilation 2", .maximum, Window(rows: 3, columns: 2, dilationRows: 2, dilationColumns: 3), (5, 7)),
  pool("average global", .average, Window(rows: 9, columns: 10), (1, 1), channels: 130),
  pool(
    "average 3x3", .average, Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1), (9, 10)),
  pool(
    "average 3x3 padded", .average, Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1), (9, 10),
    includePadding: true),
  pool(
    "average 2x3 ceil padded", .average,
    Window(rows: 2, columns: 3, strideRows: 2, strideColumns: 2, top: 0, left: 1, bottom: 0, right: 0), (5, 5),
    includePadding: true),
]

private func reduce(
  _ name: String, _ operation: Reduce.Operation, _ outer: Int, _ length: Int, _ inner: Int
) -> AgreementCase {
  let isExact = operation == .maximum || operation == .minimum
  let tolerance: Tolerance =
    isExact
    ? .exact
    : .computed { builder in
      // Two orders of summation, each within gamma(length) of the exact sum of at most `length`.
      Array(
        repeating: 2 * gamma(length + 3) * (operation == .mean ? 1 : Double(length)), count: outer * inner)
    }
  return AgreementCase(Reduce.name, name, tolerance) { builder throws(ShapeError) in
    let input = builder.input([outer, length, inner], special: [4: .nan])
    try builder.append(
      Reduce(
        operation, input: input, output: builder.output([outer, inner]), outer: outer, length: length, inner: inner))
  }
}

private let reduceCases: [AgreementCase] = Reduce.Operation.allCases.flatMap { operation in
  [
    reduce("\(operation.rawValue) rows", operation, 5, 131, 1),
    reduce("\(operation.rawValue) middle", operation, 3, 49, 37),
    reduce("\(operation.rawValue) one", operation, 4, 1, 9),
  ]
}

private func softmax(_ name: String, _ outer: Int, _ length: Int, _ inner: Int, special: [Int: Float] = [:])
  -> AgreementCase
{
  let tolerance = Tolerance.computed { builder in
    // x - max rounds once, which exp turns into a relative error of u |x - max| (at most 16 here); exp errs by 3 ulp,
    // the sum by gamma, the quotient by 2.5 ulp. Probabilities are at most 1.
    Array(repeating: gamma(length) + 24 * 0x1p-23, count: outer * length * inner)
  }
  return AgreementCase(Softmax.name, name, tolerance) { builder throws(ShapeError) in
    let input = builder.input([outer, length, inner], -8...8, special: special)
    try builder.append(
      Softmax(
        input: input, output: builder.output([outer, length, inner]), outer: outer, length: length, inner: inner))
  }
}

private let normalizeCases: [AgreementCase] = [(7, 64, true), (3, 131, true), (5, 768, false)].map {
  rows, columns, affine in
  let tolerance = Tolerance.computed { builder in
    let input = builder.numbers[0]!
    let scales = affine ? builder.numbers[1]! : Array(repeating: 1, count: columns)
    return (0..<rows * columns).map { index in
      let row = input[index / columns * columns..<(index / columns + 1) * columns].map { Double($0) }
      let mean = row.reduce(0, +) / Double(columns)
      let size = row.reduce(0) { $0 + $1.magnitude } / Double(columns)
      let deviation = (row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns) + 1e-5).squareRoot()
      // The mean errs by gamma |x|; the variance, whose deviations sum to zero, by gamma and the square of that.
      let meanError = gamma(columns + 1) * size
      let ratio = meanError / deviation
      let distance = (row[index % columns] - mean).magnitude / deviation
      let normal = ratio + distance * (gamma(columns + 12) + ratio * ratio)
      return 1.01 * Double(scales[index % columns].magnitude) * normal + 0x1p-22 * (distance + 1)
    }
  }
  return AgreementCase(NormalizeRows.name, "\(rows)x\(columns)\(affine ? " affine" : "")", tolerance) {
    builder throws(ShapeError) in
    let input = builder.input([rows, columns], -2...3)
    try builder.append(
      NormalizeRows(
        input: input, scale: affine ? builder.constant([columns]) : nil,
        shift: affine ? builder.constant([columns]) : nil,
        output: builder.output([rows, columns]), rows: rows, columns: columns, epsilon: 1e-5))
  }
}

private let argMaxCases: [AgreementCase] = [
  ("1000 classes", 7, 1000, [1500: Float.nan, 2200: 5, 2300: 5, 3000: .infinity]), ("10 classes", 33, 10, [55: .nan]),
  ("one class", 3, 1, [:]), ("ties", 4, 16, [0: 9, 3: 9, 20: 9, 21: 9, 63: 9]),
].map { (name: String, rows: Int, classes: Int, special: [Int: Float]) in
  AgreementCase(ArgMax.name, name, .exact) { builder throws(ShapeError) in
    let logits = builder.input([rows, classes], special: special)
    try builder.append(
      ArgMax(logits: logits, output: builder.output([rows], .int32), rows: rows, classes: classes))
  }
}

let rowCases: [AgreementCase] =
  poolCases + reduceCases
  + [
    softmax("rows", 5, 1000, 1), softmax("short rows", 33, 7, 1), softmax("middle", 2, 19, 23),
    softmax("NaN", 3, 40, 1, special: [50: .nan]),
  ] + normalizeCases + argMaxCases
