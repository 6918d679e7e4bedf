import Hashing

/// The scales of an int8 classifier as `run.json` keeps them: number = scale * level for each named value.
///
/// They were measured on noisy inputs whose noise comes from a key of its own, before and apart from the certificates'
/// noise; a certificate holds whatever they are, for the classifier that has them. Resuming and auditing take them from
/// here and measure nothing again.
package struct QuantizationRecord: Sendable, Hashable, Codable {
  /// How the scales were found, for readers.
  package var calibration: String
  /// In the order in which the network writes the values.
  package var values: [Entry]

  package struct Entry: Sendable, Hashable, Codable {
    /// The value's name in the model file.
    package var name: String
    package var scale: Float
    /// int8 (-128...127), else uint8 (0...255).
    package var isSigned: Bool

    package init(name: String, scale: Float, isSigned: Bool) {
      self.name = name
      self.scale = scale
      self.isSigned = isSigned
    }
  }

  package init(calibration: String, values: [Entry]) {
    self.calibration = calibration
    self.values = values
  }

  /// SHA-256 of all names and scales, which is part of the classifier's identity.
  package func digest() throws -> String { SHA256.text(Array(try JSONText.encode(values).utf8)) }
}
