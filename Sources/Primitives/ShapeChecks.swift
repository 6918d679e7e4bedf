// Checks that the `validate` functions share. Every failure is one sentence that names the step, the value and what
// was expected.

import Compute
import Tensors

extension ElementType {
  /// Types that activations may have; arithmetic on them happens in binary32.
  var isActivation: Bool { self == .float32 || self == .bfloat16 || self == .float16 }
  /// Types of 8-bit levels.
  var isLevel: Bool { self == .int8 || self == .uint8 }
}

/// Throws the sentence unless the condition holds.
func require(_ condition: Bool, _ sentence: @autoclosure () -> String) throws(ShapeError) {
  if !condition { throw ShapeError(sentence()) }
}

extension CommandList {
  /// A value with its shape and type, for messages.
  func spell(_ value: Value) -> String { "\"\(self[value].name)\" \(self[value].type.rawValue) \(self[value].shape)" }

  /// The tensor of a constant value under the value's own shape, or nil for a value that steps or the host write.
  package func tensor(of value: Value) -> Tensor? {
    guard case .constant(let tensor) = self[owner(of: value)].kind else { return nil }
    return tensor.reshaped(self[value].shape)
  }

  /// Requires one of the activation types.
  func requireActivation(_ value: Value, _ step: String, _ role: String) throws(ShapeError) {
    try require(
      self[value].type.isActivation, "\(step) expects float numbers in its \(role), and \(spell(value)) has none")
  }

  /// Requires an exact shape.
  func requireShape(_ value: Value, _ shape: [Int], _ step: String, _ role: String) throws(ShapeError) {
    try require(self[value].shape == shape, "\(step) expects its \(role) to have shape \(shape), not \(spell(value))")
  }

  /// Requires a number of elements.
  func requireCount(_ value: Value, _ count: Int, _ step: String, _ role: String) throws(ShapeError) {
    try require(self[value].count == count, "\(step) expects \(count) elements in its \(role), not \(spell(value))")
  }

  /// Requires the same activation type in two values.
  func requireSameType(_ first: Value, _ second: Value, _ step: String) throws(ShapeError) {
    try require(
      self[first].type == self[second].type,
      "\(step) expects one element type in both \(spell(first)) and \(spell(second))")
  }

  /// Requires a float32 constant with the given number of elements.
  func requireParameters(_ value: Value, _ count: Int, _ step: String, _ role: String) throws(ShapeError) {
    try requireCount(value, count, step, role)
    try require(
      tensor(of: value) != nil && self[value].type == .float32,
      "\(step) expects its \(role) to be a float32 constant, not \(spell(value))")
  }

  /// Requires an activation, or a float32 constant (which stays float32 whatever the activations are).
  func requireOperand(_ value: Value, like output: Value, _ step: String, _ role: String) throws(ShapeError) {
    let isParameter = tensor(of: value) != nil && self[value].type == .float32
    try require(
      isParameter || (self[value].type == self[output].type && self[value].type.isActivation),
      "\(step) expects its \(role) \(spell(value)) to be of the type of \(spell(output)) or a float32 constant")
  }
}

extension Window {
  /// Requires sensible extents.
  func check(_ step: String) throws(ShapeError) {
    try require(
      min(rows, columns, strideRows, strideColumns, min(dilationRows, dilationColumns)) >= 1
        && min(top, left, bottom, right) >= 0,
      "\(step) expects window extents, strides and dilations of at least 1 and padding of at least 0, not \(self)")
  }
}

/// Calls `body` with every index of a box, in row-major order; an empty box has one index of no dimensions.
func forEachIndex(_ extents: [Int], _ body: ([Int]) -> Void) {
  if extents.contains(0) { return }
  var index = Array(repeating: 0, count: extents.count)
  while true {
    body(index)
    var dimension = extents.count - 1
    while dimension >= 0 {
      index[dimension] += 1
      if index[dimension] < extents[dimension] { break }
      index[dimension] = 0
      dimension -= 1
    }
    if dimension < 0 { return }
  }
}

/// The place of an index under strides.
func place(_ index: [Int], _ strides: [Int]) -> Int { zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 } }

/// The least and greatest place that a box reaches under strides.
func reach(_ extents: [Int], _ strides: [Int], offset: Int) -> ClosedRange<Int> {
  var low = offset
  var high = offset
  for (extent, stride) in zip(extents, strides) {
    if stride < 0 { low += (extent - 1) * stride } else { high += (extent - 1) * stride }
  }
  return low...high
}
