import CertificateChecking
import TestSupport

/// Rows of the two shared vector files, read as text: nothing is converted through a double.
enum StatisticsVectors {
  static let smoothing = "smoothing/statistics_vectors.csv"
  static let soundness = "soundness/vectors.csv"

  struct Row: Sendable, CustomStringConvertible {
    let id: String
    let kind: String
    let text: String
    let value: String
    let note: String

    /// The part after `name=` of a parameter list separated by semicolons.
    func parameter(_ name: String) -> String { Self.parameter(name, of: text) }
    func number(_ name: String) throws -> ExactRational { try rational(parameter(name)) }
    func integer(_ name: String) -> Int { Int(parameter(name))! }

    static func parameter(_ name: String, of text: String) -> String {
      for part in text.split(separator: ";") where part.hasPrefix(name + "=") {
        return String(part.dropFirst(name.count + 1))
      }
      preconditionFailure("no \(name) in \(text)")
    }

    var description: String { "\(id) \(kind) \(text)" }
  }

  /// The rows of some kinds.
  static func rows(_ file: String, _ kinds: String...) throws -> [Row] {
    try TestData.lines(TestData.path(file)).filter { !$0.hasPrefix("#") }.map { line in
      let fields = fields(of: line)
      return Row(id: fields[0], kind: fields[1], text: fields[2], value: fields[3], note: fields.last!)
    }.filter { kinds.contains($0.kind) }
  }

  /// One line of comma-separated values, with quoted fields.
  private static func fields(of line: String) -> [String] {
    var fields = [""]
    var isQuoted = false
    for character in line {
      switch character {
      case "\"": isQuoted.toggle()
      case "," where !isQuoted: fields.append("")
      default: fields[fields.count - 1].append(character)
      }
    }
    return fields
  }
}

/// A decimal or a quotient of two integers.
func rational(_ text: String) throws -> ExactRational {
  let parts = text.split(separator: "/").map(String.init)
  guard parts.count == 2 else { return try ExactRational(decimal: text) }
  return try ExactRational(decimal: parts[0]) / ExactRational(decimal: parts[1])
}

/// 2^exponent.
func powerOfTwo(_ exponent: Int) -> ExactRational {
  if exponent < 0 { return .one / powerOfTwo(-exponent) }
  if exponent == 0 { return .one }
  let root = powerOfTwo(exponent / 2)
  return exponent.isMultiple(of: 2) ? root * root : root * root * ExactRational(2)
}

extension ExactRational {
  var magnitude: ExactRational { self < .zero ? .zero - self : self }
}
