// One neuron as a quadratic form in symbols z_1, z_2, ... with |z_i| <= 1, and a remainder.
//
// The first symbols are the inputs of a box, x_i = c_i + w_i z_i; the others stand for the errors of functions. Guarantee
// of every operation: at each point of the box there are values of the error symbols, the same for all forms, such that
//   | h - (a_0 + sum_i a_i z_i + sum_{i <= j} q_ij z_i z_j) | <= rest,
// the operation's own rounding included. The third order of a product goes to the remainder (a Taylor model of order
// two, Berz and Makino 1998, whose errors of functions keep their sign as in affine arithmetic).

import Networks

/// Coefficients in memory that somebody else owns.
struct QuadraticForm {
  /// a_0, then a_1 ... a_linearCount.
  let linear: UnsafeMutablePointer<Double>
  /// q_ij with i <= j, counted from 0, at j (j + 1) / 2 + i; symbols 1 ... curvedCount.
  let quadratic: UnsafeMutablePointer<Double>
  private(set) var linearCount = 0
  private(set) var curvedCount = 0
  var rest = 0.0
  /// At least sum |a| + sum |q| + rest, so at least |h| and the size of whatever rounding may hurt.
  private(set) var size = 0.0

  init(linear: UnsafeMutablePointer<Double>, quadratic: UnsafeMutablePointer<Double>) {
    self.linear = linear
    self.quadratic = quadratic
  }

  static func entries(_ count: Int) -> Int { count * (count + 1) / 2 }

  /// Slightly more than a sum or product of a few rounded terms.
  static let up = 1 + 0x1p-40
  static let tiny = 0x1p-1000

  mutating func clear(constant: Double = 0) {
    linear[0] = constant
    linearCount = 0
    curvedCount = 0
    rest = 0
    size = abs(constant)
  }

  /// a_0 + a_i z_i.
  mutating func set(constant: Double, symbol: Int, coefficient: Double) {
    clear(constant: constant)
    extend(linear: symbol + 1)
    linear[symbol + 1] = coefficient
    size = (abs(constant) + abs(coefficient)) * Self.up
  }

  mutating func copy(_ other: QuadraticForm) {
    linear.update(from: other.linear, count: other.linearCount + 1)
    quadratic.update(from: other.quadratic, count: Self.entries(other.curvedCount))
    (linearCount, curvedCount, rest, size) = (other.linearCount, other.curvedCount, other.rest, other.size)
  }

  private mutating func extend(linear count: Int) {
    while linearCount < count {
      linearCount += 1
      linear[linearCount] = 0
    }
  }

  private mutating func extend(curved count: Int) {
    guard count > curvedCount else { return }
    let old = Self.entries(curvedCount)
    (quadratic + old).update(repeating: 0, count: Self.entries(count) - old)
    curvedCount = count
  }

  /// Adds weight * other without its remainder and without charging the rounding: `settle` does.
  mutating func accumulate(_ weight: Double, _ other: QuadraticForm) {
    extend(linear: other.linearCount)
    extend(curved: other.curvedCount)
    for index in 0...other.linearCount { linear[index] += weight * other.linear[index] }
    for index in 0..<Self.entries(other.curvedCount) { quadratic[index] += weight * other.quadratic[index] }
  }

  mutating func add(constant: Double) { linear[0] += constant }

  /// A new error symbol: its coefficient is the form's last.
  mutating func add(symbol: Int, coefficient: Double) {
    extend(linear: symbol + 1)
    linear[symbol + 1] += coefficient
  }

  /// Closes an operation whose coefficients passed `roundings` roundings of terms that sum to `magnitude`.
  mutating func settle(rest own: Double, roundings: Int, magnitude: Double) {
    rest = (own + gamma64(roundings) * magnitude) * Self.up + Self.tiny
    size = (linearSize + abs(linear[0]) + quadraticSize + rest) * Self.up
  }

  /// sum |a_i| without a_0, unrounded.
  var linearSize: Double {
    var sum = 0.0
    for index in 0..<linearCount { sum += abs(linear[index + 1]) }
    return sum
  }

  /// sum |q|, unrounded.
  var quadraticSize: Double {
    var sum = 0.0
    for index in 0..<Self.entries(curvedCount) { sum += abs(quadratic[index]) }
    return sum
  }

  /// left * right, `slack` being the relation's own error.
  mutating func setProduct(_ left: QuadraticForm, _ right: QuadraticForm, slack: Double = 0) {
    clear()
    extend(linear: max(left.linearCount, right.linearCount))
    extend(curved: max(linearCount, left.curvedCount, right.curvedCount))
    let (a0, b0) = (left.linear[0], right.linear[0])
    linear[0] = a0 * b0
    for index in 0..<left.linearCount { linear[index + 1] += b0 * left.linear[index + 1] }
    for index in 0..<right.linearCount { linear[index + 1] += a0 * right.linear[index + 1] }
    for index in 0..<Self.entries(left.curvedCount) { quadratic[index] += b0 * left.quadratic[index] }
    for index in 0..<Self.entries(right.curvedCount) { quadratic[index] += a0 * right.quadratic[index] }
    for j in 0..<linearCount {
      let row = quadratic + Self.entries(j)
      let a = j < left.linearCount ? left.linear[j + 1] : 0
      let b = j < right.linearCount ? right.linear[j + 1] : 0
      if b != 0 { for i in 0..<min(j, left.linearCount) { row[i] += b * left.linear[i + 1] } }
      if a != 0 { for i in 0..<min(j, right.linearCount) { row[i] += a * right.linear[i + 1] } }
      row[j] += a * b
    }
    let (first, second) = (left.linearSize, right.linearSize)
    let (bent, other) = (left.quadraticSize, right.quadraticSize)
    let third = first * other + second * bent + bent * other
    settle(
      rest: (third + left.rest * right.size + right.rest * left.size + slack) * Self.up, roundings: 12,
      magnitude: left.size * right.size)
  }

  /// An interval that holds the neuron on the whole box.
  var range: Interval {
    var (low, high) = (0.0, 0.0)
    for j in 0..<curvedCount {
      let row = quadratic + Self.entries(j)
      for i in 0..<j {
        low -= abs(row[i])
        high += abs(row[i])
      }
      if row[j] < 0 { low += row[j] } else { high += row[j] }
    }
    let spread = linearSize
    let error = (rest + gamma64(Self.entries(curvedCount) + linearCount + 4) * size) * Self.up
    return Interval((linear[0] - spread + low - error).nextDown, (linear[0] + spread + high + error).nextUp)
  }

  /// The form's value where the symbols have these values, remainder aside; nearly.
  func value(_ z: [Double]) -> Double {
    var sum = linear[0]
    for index in 0..<linearCount { sum += linear[index + 1] * z[index] }
    for j in 0..<curvedCount {
      let row = quadratic + Self.entries(j)
      var inner = 0.0
      for i in 0...j { inner += row[i] * z[i] }
      sum += inner * z[j]
    }
    return sum
  }
}
