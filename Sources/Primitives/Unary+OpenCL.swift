import Compute
import Tensors

extension Unary {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    let storage = try list.storage(["STORED": output], step: Self.name)
    let traits = traits.reading(storage)
    let count = list[output].count
    let (function, a, b) = operation.kernel
    // PoCL 3.1's sine and cosine of vectors are wrong for subnormal numbers (sin 7e-43 = 0.0078); those of scalars hold.
    let isWide = traits.usesVectors && operation != .sin && operation != .cos
    let width = isWide ? 16 : 1
    return [
      .elements(
        "elementwise/unary.cl", "unary", defines: [.init("OP_" + function, 1), .init("WIDTH", width)] + storage,
        count: quotient(count, width), traits, group: isWide ? 16 : nil,
        arguments: [.value(input), .value(output), .uint64(UInt64(count)), .float32(a), .float32(b)])
    ]
  }
}

extension Unary.Operation {
  /// The kernel's name of the function and its two numbers.
  fileprivate var kernel: (String, Float, Float) {
    switch self {
    case .identity: ("identity", 0, 0)
    case .relu: ("relu", 0, 0)
    case .sigmoid: ("sigmoid", 0, 0)
    case .tanh: ("tanh", 0, 0)
    case .erf: ("erf", 0, 0)
    case .sqrt: ("sqrt", 0, 0)
    case .reciprocal: ("reciprocal", 0, 0)
    case .exp: ("exp", 0, 0)
    case .log: ("log", 0, 0)
    case .abs: ("abs", 0, 0)
    case .negate: ("negate", 0, 0)
    case .sin: ("sin", 0, 0)
    case .cos: ("cos", 0, 0)
    case .sign: ("sign", 0, 0)
    case .round: ("round", 0, 0)
    case .floor: ("floor", 0, 0)
    case .ceil: ("ceil", 0, 0)
    case .leakyRelu(let slope): ("leakyRelu", slope, 0)
    case .clip(let low, let high): ("clip", low, high)
    case .elu(let alpha): ("elu", alpha, 0)
    case .softplus: ("softplus", 0, 0)
    case .power(let exponent): ("power", exponent, 0)
    case .affine(let scale, let shift): ("affine", scale, shift)
    }
  }
}
