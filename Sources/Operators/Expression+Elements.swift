// Functions of one and two elements in terms of affine rows, elementary functions and products.

import Graphs
import Networks
import Primitives
import Tensors

extension NetworkExpression {
  /// A function of every element of a value.
  mutating func express(_ operation: Unary.Operation, _ node: GraphNode) throws {
    let input = node.inputs[0]!
    let x = try elements(input)
    let name = node.name
    let merging = mayMerge(input)
    func all(_ number: Double) -> [Double] { .init(repeating: number, count: x.count) }
    func elementary(_ function: ElementaryFunction, _ builder: inout NetworkBuilder) -> [Element] {
      builder.function(name, function, of: x, merging: merging)
    }
    func times(_ factor: Double, _ elements: [Element]) -> SumTerm {
      SumTerm(elements: elements, factor: factor, mayMerge: false)
    }
    let result: [Element]
    switch operation {
    case .identity:
      define(node.outputs[0]!, x, isShared: !merging)
      return
    case .relu: result = elementary(.relu, &builder)
    case .sigmoid: result = elementary(.sigmoid, &builder)
    case .tanh: result = elementary(.tanh, &builder)
    case .erf: result = elementary(.errorFunction, &builder)
    case .sqrt: result = elementary(.squareRoot, &builder)
    case .reciprocal: result = elementary(.reciprocal, &builder)
    case .exp: result = elementary(.exponential, &builder)
    case .log: result = elementary(.logarithm, &builder)
    case .sin: result = elementary(.sine, &builder)
    case .cos: result = elementary(.cosine, &builder)
    case .sign: result = elementary(.sign, &builder)
    case .floor: result = elementary(.floor, &builder)
    case .negate: result = builder.sum(name, [SumTerm(elements: x, factor: -1, mayMerge: merging)])
    case .ceil:
      // ceil(x) = -floor(-x)
      let mirrored = builder.sum(name + ".mirrored", [SumTerm(elements: x, factor: -1, mayMerge: merging)])
      result = builder.sum(name, [times(-1, builder.function(name + ".floor", .floor, of: mirrored))])
    case .abs:
      // |x| = 2 relu(x) - x
      let positive = builder.function(name + ".positive", .relu, of: x)
      result = builder.sum(name, [times(2, positive), times(-1, x)])
    case .leakyRelu(let slope):
      result = builder.leakyReLU(name, x, slope: Double(slope), merging: merging)
    case .clip(let low, let high): result = builder.clip(name, x, low: Double(low), high: Double(high))
    case .elu(let alpha):
      // relu(x) + alpha exp(-relu(-x)) - alpha
      let positive = builder.function(name + ".positive", .relu, of: x)
      let mirrored = builder.sum(name + ".mirrored", [times(-1, x)])
      let negative = builder.function(name + ".negative", .relu, of: mirrored)
      let power = builder.function(name + ".exp", .exponential, of: builder.sum(name + ".power", [times(-1, negative)]))
      result = builder.sum(name, [times(1, positive), times(Double(alpha), power)], constant: all(-Double(alpha)))
    case .softplus:
      let power = builder.function(name + ".exp", .exponential, of: x, merging: merging)
      result = builder.function(name, .logarithm, of: builder.sum(name + ".sum", [times(1, power)], constant: all(1)))
    case .power(let exponent): result = try power(name, x, Double(exponent), merging: merging)
    case .affine(let scale, let shift):
      result = builder.sum(name, [times(Double(scale), x)], constant: all(Double(shift)))
    case .round: throw OperatorError("there are no bounds for rounding to even")
    }
    define(node.outputs[0]!, result)
  }

  /// A function of two or more operands that broadcast.
  mutating func express(_ operation: Binary.Operation, _ node: GraphNode) throws {
    switch operation {
    case .add: try sum(node, sign: 1)
    case .subtract: try sum(node, sign: -1)
    case .multiply: try product(node)
    case .divide: try quotient(node)
    case .power:
      guard let exponent = constant(node.inputs[1])?.doubles, let first = exponent.first,
        exponent.allSatisfy({ $0 == first })
      else { throw OperatorError("there are only bounds for one constant exponent") }
      let operand = try broadcast(node.inputs[0]!, to: shape(node.outputs[0]!))
      define(
        node.outputs[0]!, try power(node.name, operand.elements, first, merging: operand.mayMerge),
        isShared: first == 1)
    case .minimum, .maximum:
      let shape = shape(node.outputs[0]!)
      let operands = try node.inputs.compactMap { $0 }.map { try broadcast($0, to: shape).elements }
      let groups = operands[0].indices.map { index in operands.map { $0[index] } }
      let result = builder.extreme(node.name, of: groups, isMaximum: operation == .maximum)
      define(node.outputs[0]!, result, isShared: operands.count == 1)
    }
  }

  /// The elements of an operand, repeated where it broadcasts.
  mutating func broadcast(_ value: ValueID, to shape: [Int]) throws -> (elements: [Element], mayMerge: Bool) {
    let own = self.shape(value)
    let elements = try elements(value)
    if own == shape { return (elements, mayMerge(value)) }
    let places = broadcastIndices(own, to: shape)
    return (places.map { elements[$0] }, mayMerge(value) && places.count == elements.count)
  }

  /// The numbers of a constant operand, repeated where it broadcasts.
  func constants(_ value: ValueID, to shape: [Int]) -> [Double]? {
    guard let tensor = constant(value) else { return nil }
    let numbers = tensor.doubles
    return tensor.shape == shape ? numbers : broadcastIndices(tensor.shape, to: shape).map { numbers[$0] }
  }

  /// left + sign * right.
  private mutating func sum(_ node: GraphNode, sign: Double) throws {
    let output = node.outputs[0]!
    let shape = shape(output)
    var terms: [SumTerm] = []
    var number: [Double]?
    var isAlias = false
    for (position, value) in node.inputs.enumerated() {
      guard let value else { continue }
      let factor = position == 0 ? 1 : sign
      if let constants = constants(value, to: shape) {
        number = factor == 1 ? constants : constants.map { -$0 }
      } else {
        let (elements, mayMerge) = try broadcast(value, to: shape)
        isAlias = !mayMerge
        terms.append(SumTerm(elements: elements, factor: factor, mayMerge: mayMerge))
      }
    }
    // Adding zeros changes nothing.
    if terms.count == 1, terms[0].factors == nil, number?.allSatisfy({ $0 == 0 }) ?? true {
      define(output, terms[0].elements, isShared: isAlias)
    } else {
      define(output, builder.sum(node.name, terms, constant: number))
    }
  }

  private mutating func product(_ node: GraphNode) throws {
    let output = node.outputs[0]!
    let shape = shape(output)
    for position in 0..<2 {
      guard let factors = constants(node.inputs[position]!, to: shape) else { continue }
      let (elements, mayMerge) = try broadcast(node.inputs[1 - position]!, to: shape)
      if factors.allSatisfy({ $0 == 1 }) {
        define(output, elements, isShared: !mayMerge)
      } else {
        define(output, builder.sum(node.name, [SumTerm(elements: elements, factors: factors, mayMerge: mayMerge)]))
      }
      return
    }
    let left = try broadcast(node.inputs[0]!, to: shape).elements
    let right = try broadcast(node.inputs[1]!, to: shape).elements
    define(output, builder.product(node.name, left, right))
  }

  private mutating func quotient(_ node: GraphNode) throws {
    let output = node.outputs[0]!
    let shape = shape(output)
    let (left, mayMerge) = try broadcast(node.inputs[0]!, to: shape)
    if let divisors = constants(node.inputs[1]!, to: shape) {
      guard divisors.allSatisfy({ $0 != 0 && $0.isFinite }) else { throw OperatorError("it divides by zero") }
      let factors = divisors.map { 1 / $0 }
      if divisors.allSatisfy({ $0.significandWidth == 0 && (1 / $0).isNormal }) {
        define(output, builder.sum(node.name, [SumTerm(elements: left, factors: factors, mayMerge: mayMerge)]))
      } else {
        define(output, builder.scaled(node.name, left, by: factors, roundings: 1))
      }
      return
    }
    // One reciprocal for each entry of the divisor, before it broadcasts.
    let divisor = node.inputs[1]!
    let inverses = builder.function(
      node.name + ".inverse", .reciprocal, of: try elements(divisor), merging: self.mayMerge(divisor))
    let right = broadcastIndices(self.shape(divisor), to: shape).map { inverses[$0] }
    define(output, builder.product(node.name, left, right))
  }

  private mutating func power(
    _ name: String, _ x: [Element], _ exponent: Double, merging: Bool
  ) throws -> [Element] {
    switch exponent {
    case 1: return x
    case 0.5: return builder.function(name, .squareRoot, of: x, merging: merging)
    case -1: return builder.function(name, .reciprocal, of: x, merging: merging)
    case 2...64 where exponent == exponent.rounded():
      return builder.function(name, .power(Int(exponent)), of: x, merging: merging)
    default: throw OperatorError("there are no bounds for the power \(exponent)")
    }
  }
}
