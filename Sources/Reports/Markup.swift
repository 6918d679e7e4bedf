// HTML and SVG text that is escaped by construction.

/// A piece of HTML or SVG.
///
/// Literal parts are markup as written. Every interpolated `String` is escaped, so that text from a file can neither
/// open a tag nor leave an attribute; interpolated markup is inserted as it is, a `Double` with two decimals.
package struct Markup: Sendable, ExpressibleByStringInterpolation {
  package private(set) var source: String

  package init(stringLiteral value: String) { source = value }

  package init(stringInterpolation: Interpolation) { source = stringInterpolation.source }

  private init(source: String) { self.source = source }

  /// Text as markup that shows it.
  package static func text(_ text: String) -> Markup { Markup(source: escape(text)) }

  package static func + (left: Markup, right: Markup) -> Markup { Markup(source: left.source + right.source) }

  package static func += (left: inout Markup, right: Markup) { left.source += right.source }

  package struct Interpolation: StringInterpolationProtocol {
    var source: String

    package init(literalCapacity: Int, interpolationCount: Int) {
      source = ""
      source.reserveCapacity(literalCapacity + 16 * interpolationCount)
    }

    package mutating func appendLiteral(_ literal: String) { source += literal }
    package mutating func appendInterpolation(_ text: String) { source += Markup.escape(text) }
    package mutating func appendInterpolation(_ markup: Markup) { source += markup.source }
    package mutating func appendInterpolation(_ parts: [Markup]) { for part in parts { source += part.source } }
    package mutating func appendInterpolation(_ number: Int) { source += String(number) }
    package mutating func appendInterpolation(_ coordinate: Double) {
      source += NumberText.decimal(coordinate, places: 2)
    }
  }

  /// Replaces the five characters with a meaning in markup by their entities.
  ///
  /// Characters that XML forbids and those that reverse the direction of text, with which a name could show itself as
  /// another one, become U+FFFD.
  package static func escape(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      case "\t", "\n": escaped.unicodeScalars.append(scalar)
      default: escaped.unicodeScalars.append(isPlain(scalar) ? scalar : "\u{FFFD}")
      }
    }
    return escaped
  }

  /// Whether a character only shows itself: no control character, no change of direction.
  static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFFFE, 0xFFFF: false
    default: true
    }
  }
}
