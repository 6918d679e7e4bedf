// The rows of the reference vector files: statistics_vectors.csv and soundness/vectors.csv.

import Statistics
import TestSupport
import Testing

/// One row: id, kind, named parameters, expected value, and the side to which rounding may go.
struct Vector: Sendable, CustomStringConvertible {
  let id: String
  let kind: String
  let parameters: String
  let value: String
  let side: String

  var description: String { "\(id) \(kind) \(parameters)" }

  /// A named parameter of "name=value;name=value".
  func text(_ name: String) throws -> String {
    for part in parameters.split(separator: ";") where part.hasPrefix(name + "=") {
      return String(part.dropFirst(name.count + 1))
    }
    throw MissingParameter(row: id, name: name)
  }

  func int(_ name: String) throws -> Int {
    guard let value = Int(try text(name)) else { throw MissingParameter(row: id, name: name) }
    return value
  }

  func decimal(_ name: String) throws -> ExactDecimal { try ExactDecimal(try text(name)) }

  /// The expected value as an exact decimal with its sign apart.
  func expected() throws -> (magnitude: ExactDecimal, isNegative: Bool) {
    value.hasPrefix("-")
      ? (try ExactDecimal(String(value.dropFirst())), true) : (try ExactDecimal(value), false)
  }

  struct MissingParameter: Error {
    let row: String
    let name: String
  }
}

enum VectorFile {
  static let statistics = "smoothing/statistics_vectors.csv"
  static let soundness = "soundness/vectors.csv"

  /// The rows of some kinds; fails when there are none, so that a renamed kind cannot pass silently.
  static func rows(_ file: String, kinds: Set<String>) throws -> [Vector] {
    let rows = try TestData.lines(TestData.path(file)).compactMap { line -> Vector? in
      let fields = split(line)
      guard fields.count >= 4, kinds.contains(fields[1]) else { return nil }
      return Vector(
        id: fields[0], kind: fields[1], parameters: fields[2], value: fields[3],
        side: fields.count > 4 ? fields[4] : "")
    }
    #expect(Set(rows.map(\.kind)) == kinds, "every requested kind has a row in \(file)")
    return rows
  }

  /// Splits a CSV line; commas inside double quotes belong to the field. Lists of this file separate by "|" or "; ".
  private static func split(_ line: String) -> [String] {
    var fields = [""]
    var quoted = false
    for character in line {
      if character == "\"" {
        quoted.toggle()
      } else if character == "," && !quoted {
        fields.append("")
      } else {
        fields[fields.count - 1].append(character)
      }
    }
    return fields
  }
}

/// Checks that a computed bound is on the permitted side of a row's value and within the relative tolerance.
func expectBound(_ computed: Double?, _ row: Vector, tolerance: Double = 1e-9, side: String? = nil) throws {
  let expected = try row.expected()
  #expect(!expected.isNegative, "\(row)")
  let exact = expected.magnitude
  guard let computed else {
    Issue.record("\(row): nothing certified, expected \(row.value)")
    return
  }
  // The file has 25 digits: allow its own rounding (1e-24) on the safe side.
  let slack = 1e-24
  switch side ?? row.side {
  case "down":
    #expect(computed <= exact.roundedUp * (1 + slack), "\(row): \(computed) exceeds \(row.value)")
    #expect(computed >= exact.roundedDown * (1 - tolerance), "\(row): \(computed) is looser than \(row.value)")
  case "up":
    #expect(computed >= exact.roundedDown * (1 - slack), "\(row): \(computed) is below \(row.value)")
    #expect(computed <= exact.roundedUp * (1 + tolerance), "\(row): \(computed) is looser than \(row.value)")
  default: Issue.record("\(row): side \(row.side) is not a rounding side")
  }
}
