// `--preprocess FILE.json` and the canonical text that stands for a preprocessing in hashes and certificates.

import FoundationEssentials

extension Preprocessing: Codable {
  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// The keys of the JSON form; `mean` and `std` must be there.
  public static let keys: [String] = [
    "resize", "crop", "interpolation", "channels", "scale", "mean", "std", "layout", "transpose",
  ]

  /// Reads the JSON text of a preprocessing. Unknown keys, missing `mean` or `std`, wrong types and values that cannot
  /// be meant are errors that start with `name`.
  public init(json bytes: [UInt8], name: String) throws(InputError) {
    do {
      self = try JSONDecoder().decode(Preprocessing.self, from: Data(bytes))
    } catch InputError.preprocessing(let reason) {
      throw .preprocessing(reason: "\(name): \(reason)")
    } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
      let key = context.codingPath.first?.stringValue ?? "the file"
      throw .preprocessing(reason: "\(name): \"\(key)\" has a value of the wrong type")
    } catch DecodingError.dataCorrupted(let context) {
      let key = context.codingPath.first.map { "\"\($0.stringValue)\"" } ?? "the text"
      throw .preprocessing(reason: "\(name): \(key) is not valid JSON here (\(context.debugDescription))")
    } catch {
      throw .preprocessing(reason: "\(name): \(error)")
    }
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    let unknown = values.allKeys.map(\.stringValue).filter { !Self.keys.contains($0) }.sorted()
    guard unknown.isEmpty else {
      let names = unknown.map { "\"\($0)\"" }.joined(separator: ", ")
      throw InputError.preprocessing(
        reason: "unknown key\(unknown.count == 1 ? "" : "s") \(names); known are \(Self.keys.joined(separator: ", "))")
    }
    for required in ["mean", "std"] where !values.contains(Key(required)) {
      throw InputError.preprocessing(
        reason: "\"\(required)\" is missing; \"mean\": [0], \"std\": [1] leave the scaled pixels as they are")
    }
    func word<Choice: RawRepresentable & CaseIterable>(_ key: String) throws -> Choice?
    where Choice.RawValue == String {
      guard let text = try values.decodeIfPresent(String.self, forKey: Key(key)) else { return nil }
      guard let choice = Choice(rawValue: text) else {
        let choices = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
        throw InputError.preprocessing(reason: "\"\(key)\" is \"\(text)\"; it must be one of \(choices)")
      }
      return choice
    }
    try self.init(
      resize: values.decodeIfPresent(Int.self, forKey: Key("resize")),
      crop: values.decodeIfPresent(Int.self, forKey: Key("crop")),
      interpolation: word("interpolation") ?? .bilinear,
      channels: word("channels"),
      scale: values.decodeIfPresent(Double.self, forKey: Key("scale")) ?? 255,
      mean: values.decode([Double].self, forKey: Key("mean")),
      std: values.decode([Double].self, forKey: Key("std")),
      layout: word("layout") ?? .auto,
      transpose: values.decodeIfPresent(Bool.self, forKey: Key("transpose")) ?? false)
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encodeIfPresent(resize, forKey: Key("resize"))
    try values.encodeIfPresent(crop, forKey: Key("crop"))
    try values.encode(interpolation.rawValue, forKey: Key("interpolation"))
    try values.encodeIfPresent(channels?.rawValue, forKey: Key("channels"))
    try values.encode(scale, forKey: Key("scale"))
    try values.encode(mean, forKey: Key("mean"))
    try values.encode(std, forKey: Key("std"))
    try values.encode(layout.rawValue, forKey: Key("layout"))
    try values.encode(transpose, forKey: Key("transpose"))
  }

  /// One line of JSON that is the same for equal preprocessings and differs for others: keys in alphabetical order,
  /// all effective values spelled out, numbers as Swift's shortest text that reads back to the same Double. It reads
  /// back through `init(json:name:)`.
  public var canonicalText: String {
    var parts: [String] = []
    if let channels { parts.append("\"channels\":\"\(channels.rawValue)\"") }
    if let crop { parts.append("\"crop\":\(crop)") }
    parts.append("\"interpolation\":\"\(interpolation.rawValue)\"")
    parts.append("\"layout\":\"\(layout.rawValue)\"")
    parts.append("\"mean\":[\(mean.map { "\($0)" }.joined(separator: ","))]")
    if let resize { parts.append("\"resize\":\(resize)") }
    parts.append("\"scale\":\(scale)")
    parts.append("\"std\":[\(std.map { "\($0)" }.joined(separator: ","))]")
    parts.append("\"transpose\":\(transpose)")
    return "{\(parts.joined(separator: ","))}"
  }
}
