// Whether a device multiplies and adds as bounds need it (soundness.md 1.3): tried on the kernel that bounds use.
//
// 8 x 128 dot products of 1,024 terms: (a) 1 plus 1,023 terms just under half a unit in its last place, which truncation
// loses twice as much of; (c) a product that tf32 would round; (d) a product that may be flushed, which is allowed;
// (e) terms between 2^-60 and 2^60 with cancelling signs, against exact sums.

import Compute
import GatherBounds
import Synchronization

/// The admission test of the gather kernels.
package enum GatherAdmission {
  static let terms = 1024
  static let items = 128
  private static let outcomes = Mutex<[ObjectIdentifier: String?]>([:])

  /// Throws a sentence if the device fails; the outcome is remembered for the life of the process.
  static func check(_ device: any Device) async throws {
    let key = ObjectIdentifier(device)
    let fault: String?
    if let known = outcomes.withLock({ $0[key] }) {
      fault = known
    } else {
      fault = try await Self.fault(device)
      let found = fault
      outcomes.withLock { $0[key] = .some(found) }
    }
    if let fault {
      throw DeviceError.unsupported(
        "the device \(device.identity.name) must not compute bounds: \(fault); use the CPU device")
    }
  }

  /// What is wrong with the device's arithmetic, in words; nil if it is admitted.
  package static func fault(_ device: any Device) async throws -> String? {
    var random = Random(state: 0x5eed)
    var panel = (0..<terms * 8).map { _ in random.scaled() }
    var values = (0..<terms * items).map { _ in random.scaled() }
    // Neurons 0, 1 and 2 on item 0: the cases (a), (c) and (d).
    let small = Float(1.9999 * 0x1p-24)
    for k in 0..<terms {
      panel[8 * k] = k == 0 ? 1 : small
      panel[8 * k + 1] = k == 1 ? 1 + 0x1p-11 : 0
      panel[8 * k + 2] = k == 2 ? 0x1p-65 : 0
      values[k * items] = k == 2 ? 0x1p-65 : 1
    }
    let found = try await run(device, panel, values)
    // (a) has the factor 2^-65 in term 2, which changes its sum by far less than the limit.
    let sum = 1 + Double(small) * Double(terms - 2)
    if !(abs(Double(found[0]) - sum) <= gamma32(terms) * sum) { return "a long sum is not rounded to nearest" }
    if found[items] != 1 + 0x1p-11 { return "products are rounded to fewer bits than binary32 has" }
    if found[2 * items] != 0 && found[2 * items] != 0x1p-130 {
      return "a subnormal product is neither kept nor flushed"
    }
    for neuron in 3..<8 {
      for item in 0..<items {
        var exact: [Double] = []
        var size = 0.0
        for k in 0..<terms {
          // Products of two binary32 numbers are exact in binary64.
          let term = Double(panel[8 * k + neuron]) * Double(values[k * items + item])
          add(term, to: &exact)
          size += term.magnitude
        }
        add(-Double(found[neuron * items + item]), to: &exact)
        let difference = exact.reduce(0, +).magnitude
        if !(difference <= gamma32(terms) * size * (1 + 0x1p-30) + 4 * Double(terms) * 0x1p-126) {
          return "a sum of products differs by \(difference) where gamma(K) allows \(gamma32(terms) * size)"
        }
      }
    }
    return nil
  }

  /// The dot products [8][items] of a panel [terms][8] with rows [terms][items], by the backward kernel.
  private static func run(_ device: any Device, _ panel: [Float], _ values: [Float]) async throws -> [Float] {
    var tables = GatherTables()
    tables.units = [
      GatherTables.Unit(firstBlock: 0, blocks: 1, firstRow: terms, isInput: false, firstStart: nil)
    ]
    tables.rowCount = terms + 8
    tables.blockCount = 1
    tables.backStarts = [0, Int32(terms)]
    tables.backIndex = (0..<Int32(terms)).map { $0 }
    tables.backPanel = panel
    tables.foreStarts = [0, 0]
    tables.foreMiddles = [0]
    tables.masks = [0, 255]
    tables.firstSlot = [0]
    tables.lines = [Float](repeating: 0, count: 4 * (terms + 8))
    tables.biases = [Float](repeating: 0, count: 2 * (terms + 8))
    tables.rowConstants = [(constant: 0, error: 0)]
    tables.relative = 0x1p-20
    var list = CommandList()
    let pass = GatherPass(tables, items: items, in: &list)
    try list.append(pass)
    let prepared = try await device.prepare(list, instances: 1)[0]
    try prepared.write(values, to: pass.y)
    try await prepared.run()
    return try prepared.read(pass.y, as: Float.self, from: terms * items, count: 8 * items)
  }

  private static func gamma32(_ n: Int) -> Double { Double(n) * 0x1p-24 / (1 - Double(n) * 0x1p-24) }

  /// Adds to an exact sum of numbers that do not overlap (Shewchuk 1997, grow-expansion).
  private static func add(_ x: Double, to sum: inout [Double]) {
    var carry = x
    var parts: [Double] = []
    for part in sum {
      let total = carry + part
      let virtual = total - carry
      let rest = (carry - (total - virtual)) + (part - virtual)
      if rest != 0 { parts.append(rest) }
      carry = total
    }
    parts.append(carry)
    sum = parts
  }

  private struct Random {
    var state: UInt64

    /// A number of either sign between 2^-30 and 2^30, so that products lie between 2^-60 and 2^60.
    mutating func scaled() -> Float {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let fraction = 1 + Float(state >> 41) * 0x1p-23
      let exponent = Int(state >> 33 & 0xff) * 60 / 256 - 30
      let size = fraction * Float(sign: .plus, exponent: exponent, significand: 1)
      return state >> 32 & 1 == 0 ? size : -size
    }
  }
}
