import Tensors

/// Names a value of one `CommandList`.
public struct Value: Hashable, Sendable {
  public let index: Int

  package init(index: Int) { self.index = index }
}

/// What a value is: its shape, element type and where it lives.
public struct ValueDescription: Sendable {
  public enum Kind: Sendable {
    /// Known when the list is recorded; uploaded once, shared by every instance.
    case constant(Tensor)
    /// Written by the host before a run; keeps its bytes between runs.
    case input
    /// Written by steps, kept until the host read it.
    case output
    /// Lives from its first write to its last read; its memory is reused by others.
    case transient
    /// Read and written by steps, in part too, and by the host; keeps its bytes between runs. Zero before the first.
    case state
    /// The same memory as another value under another shape of equal count.
    case view(of: Value)
  }

  public let name: String
  public let shape: [Int]
  public let type: ElementType
  public let kind: Kind

  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }
  /// The number of bytes.
  public var byteCount: Int { count * type.size }
}

/// A straight-line program over values, recorded once per shape and run by any `Device`.
///
/// The list is data: values with shapes, and steps that name the values they read and write. A device turns it into
/// something it can run (`Device.prepare`): it plans memory, uploads constants and builds kernels or library objects.
public struct CommandList: Sendable {
  public private(set) var values: [ValueDescription] = []
  public private(set) var steps: [any Primitive] = []

  public init() {}

  public subscript(_ value: Value) -> ValueDescription { values[value.index] }

  /// Follows views to the value that owns the memory.
  public func owner(of value: Value) -> Value {
    var value = value
    while case .view(let of) = self[value].kind { value = of }
    return value
  }

  public mutating func constant(_ tensor: Tensor, name: String = "constant") -> Value {
    add(name: name, shape: tensor.shape, type: tensor.type, kind: .constant(tensor))
  }

  public mutating func input(_ shape: [Int], _ type: ElementType, name: String) -> Value {
    add(name: name, shape: shape, type: type, kind: .input)
  }

  public mutating func output(_ shape: [Int], _ type: ElementType, name: String) -> Value {
    add(name: name, shape: shape, type: type, kind: .output)
  }

  public mutating func transient(_ shape: [Int], _ type: ElementType, name: String) -> Value {
    add(name: name, shape: shape, type: type, kind: .transient)
  }

  /// Memory that steps read and write and that keeps its bytes between runs.
  public mutating func state(_ shape: [Int], _ type: ElementType, name: String) -> Value {
    add(name: name, shape: shape, type: type, kind: .state)
  }

  /// The same memory as `value` under another shape of equal count.
  public mutating func view(of value: Value, _ shape: [Int]) -> Value {
    precondition(shape.reduce(1, *) == self[value].count)
    return add(name: self[value].name, shape: shape, type: self[value].type, kind: .view(of: value))
  }

  /// Appends a step after checking it against the shapes and types of its values.
  public mutating func append(_ step: some Primitive) throws(ShapeError) {
    try step.validate(self)
    steps.append(step)
  }

  /// The same values under other steps, each checked as by `append`.
  public func with(steps: [any Primitive]) throws(ShapeError) -> CommandList {
    var result = self
    result.steps = []
    for step in steps { try result.append(step) }
    return result
  }

  private mutating func add(name: String, shape: [Int], type: ElementType, kind: ValueDescription.Kind) -> Value {
    values.append(ValueDescription(name: name, shape: shape, type: type, kind: kind))
    return Value(index: values.count - 1)
  }
}

/// A step whose values do not fit each other.
public struct ShapeError: Error, CustomStringConvertible, Sendable {
  public let description: String

  public init(_ description: String) { self.description = description }
}
