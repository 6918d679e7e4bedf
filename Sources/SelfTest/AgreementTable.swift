// Does a device compute what the primitives mean? Every primitive runs on seeded cases by its definition and on each
// device, and the difference is held against a bound that is derived, not guessed.
//
// The table lives in a library, not in a test bundle, so that it travels with the program to machines that have neither
// Swift nor the sources.

import Compute
import Tensors

/// What came out of one case on one device.
public struct AgreementRow: Sendable, Codable, CustomStringConvertible {
  public let primitive: String
  public let name: String
  public let precision: Precision
  /// "cpu AVX512_CORE" or "opencl pthread-...".
  public let device: String
  /// The largest difference from the definition.
  public let maximumError: Double
  /// The bound at the element that came nearest to its bound, or missed it by most.
  public let bound: Double
  public let passes: Bool
  /// Why a case failed in another way than by its numbers.
  public let remark: String?

  public var description: String {
    let numbers = remark ?? "error \(short(maximumError)), bound \(short(bound))"
    return "\(passes ? "ok  " : "FAIL") \(primitive) \(name) \(precision.rawValue) on \(device): \(numbers)"
  }
}

/// The agreement of reference and devices. A new primitive joins by a row in `AgreementTable.cases`.
public enum AgreementTable {
  /// Every case, in the order of the table.
  static let cases: [AgreementCase] =
    denseCases + blockCases + quantizedCases + elementCases + rowCases + movementCases + noiseCases

  /// The names of the primitives that have cases.
  public static var primitives: Set<String> { Set(cases.map(\.primitive)) }

  /// Runs the cases on every device that offers their precision.
  ///
  /// - Parameters:
  ///   - filter: runs only cases whose "primitive name" contains this text.
  ///   - report: is called with each row as it comes.
  public static func run(
    devices: [any Device], filter: String? = nil, report: (@Sendable (AgreementRow) -> Void)? = nil
  ) async -> [AgreementRow] {
    var rows: [AgreementRow] = []
    for one in cases where filter.map({ "\(one.primitive) \(one.name)".contains($0) }) ?? true {
      for precision in one.precisions {
        for device in devices where device.precisions.contains(precision) {
          let row = await one.run(on: device, precision)
          report?(row)
          rows.append(row)
        }
      }
    }
    return rows
  }
}

/// A number with three significant digits, for tables.
func short(_ x: Double) -> String {
  if x == 0 || !x.isFinite { return "\(x)" }
  var exponent = 0
  var digits = x.magnitude
  while digits >= 10 { (digits, exponent) = (digits / 10, exponent + 1) }
  while digits < 1 { (digits, exponent) = (digits * 10, exponent - 1) }
  let rounded = (digits * 100).rounded() / 100
  return "\(x < 0 ? "-" : "")\(rounded)e\(exponent)"
}

extension Device {
  /// A short name of the device in tables.
  var label: String { identity.kind == "cpu" ? "cpu \(identity.variant)" : "\(identity.kind) \(identity.name)" }
}
