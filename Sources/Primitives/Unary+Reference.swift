// Definition of the element functions. Those that binary32 does not compute exactly rounded are computed in binary64
// and rounded once.

import Compute
import Glibc
import Tensors

extension Unary {
  public func validate(_ list: CommandList) throws(ShapeError) {
    try list.requireActivation(input, Self.name, "input")
    try list.requireSameType(input, output, Self.name)
    try list.requireCount(output, list[input].count, Self.name, "output")
  }

  public func reference(_ memory: HostMemory) {
    memory.storeFloats(memory.loadFloats(input).map { operation($0) }, to: output)
  }
}

extension Unary.Operation {
  /// The function of one number. NaN gives NaN.
  func callAsFunction(_ x: Float) -> Float {
    let wide = Double(x)
    switch self {
    case .identity: return x
    case .relu: return x < 0 ? 0 : x
    case .sigmoid: return Float(1 / (1 + Glibc.exp(-wide)))
    case .tanh: return Float(Glibc.tanh(wide))
    case .erf: return Float(Glibc.erf(wide))
    case .sqrt: return x.squareRoot()
    case .reciprocal: return 1 / x
    case .exp: return Float(Glibc.exp(wide))
    case .log: return Float(Glibc.log(wide))
    case .abs: return x.magnitude
    case .negate: return -x
    case .sin: return Float(Glibc.sin(wide))
    case .cos: return Float(Glibc.cos(wide))
    case .sign: return x > 0 ? 1 : x < 0 ? -1 : x
    case .round: return x.rounded(.toNearestOrEven)
    case .floor: return x.rounded(.down)
    case .ceil: return x.rounded(.up)
    case .leakyRelu(let slope): return x < 0 ? slope * x : x
    case .clip(let low, let high): return x < low ? low : x > high ? high : x
    case .elu(let alpha): return x < 0 ? Float(Double(alpha) * Glibc.expm1(wide)) : x
    case .softplus: return Float((wide > 0 ? wide : wide.isNaN ? wide : 0) + Glibc.log1p(Glibc.exp(-wide.magnitude)))
    case .power(let exponent): return Float(Glibc.pow(wide, Double(exponent)))
    case .affine(let scale, let shift): return shift.addingProduct(scale, x)
    }
  }
}
