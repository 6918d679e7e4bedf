// Definition of the broadcast operations in binary32; a NaN operand of minimum or maximum gives NaN.

import Compute
import Glibc
import Tensors

extension Binary {
  public func validate(_ list: CommandList) throws(ShapeError) {
    let name = "\(Self.name) \(operation.rawValue)"
    try list.requireActivation(output, name, "output")
    try require(
      shape.count <= 6 && leftStrides.count == shape.count && rightStrides.count == shape.count
        && shape.allSatisfy { $0 >= 1 },
      "\(name) expects at most six dimensions of positive extent and a stride for each, not \(shape), \(leftStrides) "
        + "and \(rightStrides)")
    try list.requireCount(output, shape.reduce(1, *), name, "output")
    for (operand, strides, role) in [(left, leftStrides, "left operand"), (right, rightStrides, "right operand")] {
      let range = reach(shape, strides, offset: 0)
      try require(
        range.lowerBound >= 0 && range.upperBound < list[operand].count,
        "\(name) with shape \(shape) and strides \(strides) reaches outside its \(role) \(list.spell(operand))")
      try list.requireOperand(operand, like: output, name, role)
    }
  }

  public func reference(_ memory: HostMemory) {
    let a = memory.loadFloats(left)
    let b = memory.loadFloats(right)
    var result: [Float] = []
    result.reserveCapacity(memory.list[output].count)
    forEachIndex(shape) { index in
      result.append(activation(operation(a[place(index, leftStrides)], b[place(index, rightStrides)])))
    }
    memory.storeFloats(result, to: output)
  }
}

extension Binary.Operation {
  /// The function of two numbers.
  func callAsFunction(_ x: Float, _ y: Float) -> Float {
    switch self {
    case .add: x + y
    case .subtract: x - y
    case .multiply: x * y
    case .divide: x / y
    case .power: Float(Glibc.pow(Double(x), Double(y)))
    case .minimum: smaller(x, y)
    case .maximum: larger(x, y)
    }
  }
}
