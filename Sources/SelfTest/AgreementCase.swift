// One case: how to build it, how to run it by definition and on a device, and how far the two may differ.

import Compute
import Tensors

/// How far a device may be from the definition.
enum Tolerance: Sendable {
  /// Equal bits: integers, copies, and operations that IEEE 754 rounds in one way only.
  case exact
  /// At most this many units in the last place of binary32 of the result (OpenCL 1.2, section 7.4, for the functions
  /// that its devices may round as they like), and so many times the least normal number, for devices that flush.
  case ulps(Double)
  /// A sum of this many products in any order: gamma(K) sum |x| |y|, Higham 2002, section 3.1.
  case sum(terms: Int)
  /// A chain of such sums, of which every result but the last is stored in the type of activations.
  case chain(terms: [Int])
  /// A bound computed from the inputs of the case.
  case computed(@Sendable (CaseBuilder) -> [Double])
}

/// A case of the agreement table.
struct AgreementCase: Sendable {
  let primitive: String
  let name: String
  let precisions: [Precision]
  let tolerance: Tolerance
  /// Records values and steps. Called with the same random numbers for every purpose.
  let build: @Sendable (CaseBuilder) throws(ShapeError) -> Void

  init(
    _ primitive: String, _ name: String, _ tolerance: Tolerance,
    precisions: [Precision] = [.float32, .bfloat16, .float16],
    build: @escaping @Sendable (CaseBuilder) throws(ShapeError) -> Void
  ) {
    self.primitive = primitive
    self.name = name
    self.precisions = precisions
    self.tolerance = tolerance
    self.build = build
  }

  /// The row of one device.
  func run(on device: any Device, _ precision: Precision) async -> AgreementRow {
    do {
      let actual = CaseBuilder(seed: seed, precision: precision, magnitudes: false)
      try build(actual)
      let expected = actual.runReference()
      let bounds = try bounds(actual, expected)
      let instance = try await device.prepare(actual.list, instances: 1)[0]
      for (value, bytes) in actual.inputs {
        let result: Result<Void, DeviceError> = bytes.withUnsafeBytes { bytes in
          do throws(DeviceError) { return .success(try instance.write(bytes, to: value, offset: 0)) } catch {
            return .failure(error)
          }
        }
        try result.get()
      }
      try await instance.run()
      let type = actual.list[actual.output!].type
      return compare(expected, decoded(try instance.read(actual.output!), type), bounds, device, precision)
    } catch {
      return row(device, precision, error: .infinity, bound: 0, passes: false, remark: "\(error)")
    }
  }

  /// The seed depends on nothing but the case's names (FNV-1a), so that other cases may come and go.
  private var seed: UInt64 {
    "\(primitive) \(name)".utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  private func bounds(_ actual: CaseBuilder, _ expected: [Float]) throws -> [Double] {
    let bounds: [Double]
    switch tolerance {
    case .exact: return Array(repeating: 0, count: expected.count)
    case .ulps(let count): bounds = expected.map { count * (0x1p-23 * Double($0.magnitude) + 0x1p-126) }
    case .sum(let terms):
      // Bias, residual and the rounding of the definition add three operations.
      bounds = try magnitudes().map { gamma(terms + 3) * Double($0) + Double(terms + 3) * 0x1p-126 }
    case .chain(let terms):
      // Relative to the sum of magnitudes, which grows through the chain as the errors do: activations bring numbers no
      // further apart, and both sides round what they store by 2^-8 (bfloat16) at most.
      let stored = actual.precision == .bfloat16 ? 0x1p-7 : 0
      let ratio = terms.reduce(0.0) { (1 + $0) * (1 + gamma($1 + 3)) * (1 + stored) - 1 }
      bounds = try magnitudes().map { ratio * Double($0) + Double(terms.reduce(9, +)) * 0x1p-126 }
    case .computed(let compute): bounds = compute(actual)
    }
    // Both sides round once more, by at most half a unit in the last of 8 (or 11) binary places: 2^-8 (or 2^-11) of the
    // result each; binary16 is absolutely exact to 2^-25 below 2^-14.
    switch actual.list[actual.output!].type {
    case .bfloat16: return zip(bounds, expected).map { $0 + 0x1p-7 * (Double($1.magnitude) + $0) }
    case .float16: return zip(bounds, expected).map { $0 + 0x1p-10 * (Double($1.magnitude) + $0) + 0x1p-24 }
    default: return bounds
    }
  }

  /// The sums of magnitudes: the case on absolute values, without activations.
  private func magnitudes() throws -> [Float] {
    let magnitudes = CaseBuilder(seed: seed, precision: .float32, magnitudes: true)
    try build(magnitudes)
    return magnitudes.runReference()
  }

  private func compare(
    _ expected: [Float], _ actual: [Float], _ bounds: [Double], _ device: any Device, _ precision: Precision
  ) -> AgreementRow {
    guard expected.count == actual.count else {
      return row(device, precision, error: .infinity, bound: 0, passes: false, remark: "\(actual.count) elements")
    }
    var greatest = 0.0
    var nearest = (excess: -Double.infinity, bound: 0.0)
    for (index, (x, y)) in zip(expected, actual).enumerated() {
      // NaN must meet NaN, and an infinity its like.
      if x.isNaN && y.isNaN || x == y {
        if nearest.excess < -bounds[index] { nearest = (-bounds[index], bounds[index]) }
        continue
      }
      let difference = x.isFinite && y.isFinite ? (Double(x) - Double(y)).magnitude : Double.infinity
      greatest = max(greatest, difference)
      let excess = difference - bounds[index]
      if !(excess <= nearest.excess) { nearest = (excess, bounds[index]) }
    }
    return row(device, precision, error: greatest, bound: nearest.bound, passes: nearest.excess <= 0, remark: nil)
  }

  private func row(
    _ device: any Device, _ precision: Precision, error: Double, bound: Double, passes: Bool, remark: String?
  ) -> AgreementRow {
    AgreementRow(
      primitive: primitive, name: name, precision: precision, device: device.label,
      maximumError: error.isFinite ? error : .greatestFiniteMagnitude, bound: bound, passes: passes, remark: remark)
  }
}

/// K u / (1 - K u) for the unit roundoff of binary32.
func gamma(_ terms: Int) -> Double { Double(terms) * 0x1p-24 / (1 - Double(terms) * 0x1p-24) }

/// Elements of a value as numbers to compare (integers of more than 24 bits are compared by their halves).
func decoded(_ bytes: [UInt8], _ type: ElementType) -> [Float] {
  bytes.withUnsafeBytes { bytes in
    switch type {
    case .float32: bytes.bindMemory(to: Float.self).map { $0 }
    case .bfloat16: bytes.bindMemory(to: UInt16.self).map { Float(bitPattern: UInt32($0) << 16) }
    case .float16: bytes.bindMemory(to: UInt16.self).map { float(half: $0) }
    case .int8: bytes.bindMemory(to: Int8.self).map { Float($0) }
    case .uint8, .bool: bytes.map { Float($0) }
    default: bytes.bindMemory(to: UInt16.self).map { Float($0) }
    }
  }
}
