// Functions of one and two numbers, with NaN, infinities, zeros of both signs and tiny numbers among the operands.

import Compute
import Primitives
import Tensors

private let specials: [Int: Float] = [
  0: .nan, 1: .infinity, 2: -.infinity, 3: 0, 4: -0.0, 5: 1, 6: -1, 7: 0.5, 8: 1.5, 9: 2.5, 10: 1e-5, 11: -1e-5, 12: 80,
  13: -80, 14: 0x1p-20, 15: 3,
]

private func unary(
  _ name: String, _ operation: Unary.Operation, _ tolerance: Tolerance, _ range: ClosedRange<Float> = -8...8
) -> AgreementCase {
  AgreementCase(Unary.name, name, tolerance) { builder throws(ShapeError) in
    let input = builder.input([1037], range, special: specials)
    try builder.append(Unary(operation, input: input, output: builder.output([1037])))
  }
}

// Where a function has no exact rounding the tolerance is that of OpenCL 1.2, section 7.4 (exp 3, log 3, tanh 5, erf
// 16, sin and cos 4, pow 16, sqrt 3, reciprocal 2.5 ulp), summed along the formula.
private let unaryCases: [AgreementCase] = [
  unary("identity", .identity, .exact), unary("relu", .relu, .exact), unary("abs", .abs, .exact),
  unary("negate", .negate, .exact), unary("sign", .sign, .exact), unary("round", .round, .exact),
  unary("floor", .floor, .exact), unary("ceil", .ceil, .exact),
  unary("leaky relu", .leakyRelu(slope: 0.1), .exact), unary("clip", .clip(low: -1.5, high: 6), .exact),
  unary("affine", .affine(scale: 1.7, shift: -0.3), .exact),
  unary("sqrt", .sqrt, .ulps(3)), unary("reciprocal", .reciprocal, .ulps(2.5)), unary("exp", .exp, .ulps(4)),
  unary("log", .log, .ulps(4), 0.01...20),
  unary("sin", .sin, .ulps(5)), unary("cos", .cos, .ulps(5)),
  // 1 / (1 + e): the relative error of e counts at most once, then a sum and a quotient.
  unary("sigmoid", .sigmoid, .ulps(8)), unary("tanh", .tanh, .ulps(6)), unary("erf", .erf, .ulps(17)),
  // expm1 3 ulp and a product; log1p of exp, 2 + 3 + 1 ulp, and a sum.
  unary("elu", .elu(alpha: 0.7), .ulps(5)), unary("softplus", .softplus, .ulps(9)),
  unary("square", .power(2), .ulps(17)), unary("power 1.5", .power(1.5), .ulps(17), 0.01...20),
]

private func binary(
  _ name: String, _ operation: Binary.Operation, _ tolerance: Tolerance, shape: [Int] = [3, 5, 70],
  leftStrides: [Int] = [350, 70, 1], rightStrides: [Int] = [350, 70, 1], leftCount: Int = 1050, rightCount: Int = 1050,
  rightIsConstant: Bool = false, range: ClosedRange<Float> = -4...4, activation: FusedActivation = .none
) -> AgreementCase {
  AgreementCase(Binary.name, name, tolerance) { builder throws(ShapeError) in
    let left = builder.input([leftCount], range, special: leftCount > 20 ? [3: .nan, 7: 0, 17: .infinity] : [:])
    let right =
      rightIsConstant
      ? builder.constant([rightCount], range)
      : builder.input([rightCount], range, special: rightCount > 20 ? [5: .nan, 17: 1, 19: 0] : [:])
    try builder.append(
      Binary(
        operation, left: left, right: right, output: builder.output(shape), shape: shape, leftStrides: leftStrides,
        rightStrides: rightStrides, activation: activation))
  }
}

private let binaryCases: [AgreementCase] = [
  binary("add", .add, .exact), binary("subtract", .subtract, .exact), binary("multiply", .multiply, .exact),
  binary("divide", .divide, .ulps(2.5)), binary("minimum", .minimum, .exact), binary("maximum", .maximum, .exact),
  binary("power", .power, .ulps(17), range: 0.1...3),
  binary("add relu", .add, .exact, activation: .relu),
  binary("add clip", .add, .exact, activation: .clip(low: -1, high: 2)),
  binary("add channel", .add, .exact, rightStrides: [0, 0, 1], rightCount: 70, rightIsConstant: true),
  binary("multiply scalar", .multiply, .exact, rightStrides: [0, 0, 0], rightCount: 1, rightIsConstant: true),
  binary("subtract from scalar", .subtract, .exact, leftStrides: [0, 0, 0], leftCount: 1),
  binary("multiply gate", .multiply, .exact, rightStrides: [70, 0, 1], rightCount: 210),
  binary("add column", .add, .exact, rightStrides: [5, 1, 0], rightCount: 15),
  binary("add transposed", .add, .exact, rightStrides: [1, 3, 15]),
  binary(
    "six dimensions", .maximum, .exact, shape: [2, 3, 2, 5, 2, 4], leftStrides: [240, 80, 40, 8, 4, 1],
    rightStrides: [0, 4, 0, 0, 0, 1], leftCount: 480, rightCount: 12),
]

private let scaleShiftCases: [AgreementCase] = [
  ("odd channels", 37, FusedActivation.none), ("relu", 64, .relu), ("clip", 19, .clip(low: -0.5, high: 0.5)),
].map { name, channels, activation in
  AgreementCase(ScaleShift.name, name, .exact) { builder throws(ShapeError) in
    let input = builder.input([23, channels], special: [5: .nan])
    try builder.append(
      ScaleShift(
        input: input, scale: builder.constant([channels]), shift: builder.constant([channels]),
        output: builder.output([23, channels]), rows: 23, channels: channels, activation: activation))
  }
}

let elementCases: [AgreementCase] = unaryCases + binaryCases + scaleShiftCases
