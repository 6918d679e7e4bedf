import FoundationEssentials

/// JSON as this package writes it: keys sorted, slashes plain, so that equal values give equal bytes.
package enum JSONText {
  package static func encode(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// The same with line breaks and indentation, for files that people read.
  package static func encodePretty(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  }

  package static func decode<T: Decodable>(_ type: T.Type, from text: some Sequence<UInt8>) throws -> T {
    try JSONDecoder().decode(type, from: Data(text))
  }
}
