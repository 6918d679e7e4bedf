// What is known about a value before anything runs.

import Tensors

/// Shape, type, the axis that counts samples and, where it is known already, the content of a value.
public struct Fact: Sendable {
  public var shape: [Int]
  public var type: ElementType
  /// The axis along which the samples of a batch lie; nil if the value is the same for every sample.
  public var batchAxis: Int?
  /// The content, if it does not depend on what the model is fed.
  public var constant: Tensor?
  /// True if the content (not only the shape) changes with the size of the batch.
  public var dependsOnBatchSize = false
  /// True unless it is known that the content does not change with the size of the batch.
  public var mayDependOnBatchSize = false

  public init(shape: [Int], type: ElementType, batchAxis: Int? = nil, constant: Tensor? = nil) {
    self.shape = shape
    self.type = type
    self.batchAxis = batchAxis
    self.constant = constant
  }

  public init(constant: Tensor) { self.init(shape: constant.shape, type: constant.type, constant: constant) }

  public var rank: Int { shape.count }
  public var count: Int { shape.reduce(1, *) }

  /// Whether the number of elements stays far below what integers can count.
  var hasUsableSize: Bool {
    var product = 1
    for extent in shape {
      guard extent >= 0, extent <= 1 << 40 else { return false }
      let (larger, overflow) = product.multipliedReportingOverflow(by: max(extent, 1))
      if overflow || larger > 1 << 40 { return false }
      product = larger
    }
    return true
  }

  /// The same type under another shape.
  public func with(shape: [Int], batchAxis: Int? = nil) -> Fact {
    Fact(shape: shape, type: type, batchAxis: batchAxis)
  }

  /// The integers of a constant operand that an operator needs to know in advance.
  public func integers(_ what: String) throws -> [Int] {
    guard let constant else {
      throw OperatorError("\(what) must be known when the model is loaded, but it is computed from the input")
    }
    guard let values = constant.integers else { throw OperatorError("\(what) must be integers") }
    return values
  }

  /// Whether every slice of a constant along `axis` equals the first.
  func isUniform(along axis: Int) -> Bool {
    guard let constant else { return false }
    let inner = shape[(axis + 1)...].reduce(1, *) * type.size
    let outer = shape[..<axis].reduce(1, *)
    return constant.withBytes { bytes in
      for o in 0..<outer {
        let start = o * shape[axis] * inner
        for slice in 1..<max(shape[axis], 1) {
          let other = start + slice * inner
          for byte in 0..<inner where bytes[start + byte] != bytes[other + byte] { return false }
        }
      }
      return true
    }
  }
}

/// How shapes meet (ONNX multidirectional broadcasting).
public enum Broadcasting {
  /// The common shape, or an error that names both.
  public static func shape(_ left: [Int], _ right: [Int]) throws -> [Int] {
    let rank = max(left.count, right.count)
    var result = [Int](repeating: 1, count: rank)
    for axis in 0..<rank {
      let l = axis - (rank - left.count)
      let r = axis - (rank - right.count)
      let a = l < 0 ? 1 : left[l]
      let b = r < 0 ? 1 : right[r]
      guard a == b || a == 1 || b == 1 else {
        throw OperatorError("the shapes \(left) and \(right) do not fit each other")
      }
      result[axis] = a == 1 ? b : a
    }
    return result
  }

  /// The fact of an elementwise function of several operands; refuses operands that mix samples.
  public static func join(_ operands: [Fact], type: ElementType? = nil) throws -> Fact {
    var shape: [Int] = []
    for operand in operands { shape = try self.shape(shape, operand.shape) }
    var axis: Int?
    for operand in operands {
      guard let own = operand.batchAxis else { continue }
      let aligned = own + shape.count - operand.rank
      if let axis, axis != aligned {
        throw OperatorError.mixing(
          "it combines different samples: their axis is \(axis) in one operand, \(aligned) in another")
      }
      axis = aligned
    }
    if let axis { for operand in operands { try checkSharedOperand(operand, axis: axis, rank: shape.count) } }
    return Fact(shape: shape, type: type ?? operands[0].type, batchAxis: axis)
  }

  /// An operand that is the same for all samples must not differ along the axis of the samples.
  public static func checkSharedOperand(_ operand: Fact, axis: Int, rank: Int) throws {
    if operand.dependsOnBatchSize {
      throw OperatorError.mixing("it computes with a number that depends on the size of the batch")
    }
    guard operand.batchAxis == nil else { return }
    let own = axis - (rank - operand.rank)
    guard own >= 0, operand.shape[own] > 1 else { return }
    if !operand.isUniform(along: own) {
      throw OperatorError.mixing("an operand of shape \(operand.shape) treats the samples of a batch differently")
    }
  }
}
