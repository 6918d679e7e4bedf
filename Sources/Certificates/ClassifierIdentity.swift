import Hashing

/// Names the base classifier: everything that its logits depend on.
///
/// A certificate speaks about one fixed function. Two runs with equal identities computed the same function on the
/// same kind of machine; anything else is another classifier (reference/soundness.md 2.6).
package struct ClassifierIdentity: Sendable, Hashable, Codable {
  /// SHA-256 of the model file's bytes (after decompression) and of its external data.
  package var modelSHA256: String
  /// SHA-256 of the effective preprocessing's canonical text.
  package var preprocessingSHA256: String
  /// SHA-256 of the table that turns noisy pixels into the model's numbers; empty for real-valued input.
  package var lookupSHA256: String
  /// float32, bfloat16, float16 or int8.
  package var precision: String
  /// SHA-256 of the scales of an int8 classifier; nil for every other precision.
  package var quantizationSHA256: String?
  /// The fixed number of samples that one pass of one instance holds.
  package var paddedBatch: Int
  /// "cpu" or "opencl".
  package var deviceKind: String
  package var deviceName: String
  /// Library or driver, with its version.
  package var software: String
  /// Effective instruction set, or kernel variants.
  package var variant: String
  /// SHA-256 of the logits of eight fixed samples, little-endian binary32.
  package var logitsSHA256: String

  package init(
    modelSHA256: String, preprocessingSHA256: String, lookupSHA256: String, precision: String,
    quantizationSHA256: String? = nil, paddedBatch: Int, deviceKind: String, deviceName: String, software: String,
    variant: String, logitsSHA256: String
  ) {
    self.modelSHA256 = modelSHA256
    self.preprocessingSHA256 = preprocessingSHA256
    self.lookupSHA256 = lookupSHA256
    self.precision = precision
    self.quantizationSHA256 = quantizationSHA256
    self.paddedBatch = paddedBatch
    self.deviceKind = deviceKind
    self.deviceName = deviceName
    self.software = software
    self.variant = variant
    self.logitsSHA256 = logitsSHA256
  }

  /// SHA-256 of all fields.
  package func digest() throws -> String { SHA256.text(Array(try JSONText.encode(self).utf8)) }
}
