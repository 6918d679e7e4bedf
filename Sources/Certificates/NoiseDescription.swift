import Hashing

/// The noise law of a run and the key that it gives to an image.
package struct NoiseDescription: Sendable, Hashable, Codable {
  package enum Arithmetic: String, Sendable, Codable {
    /// 8-bit images, integer noise: the certificate holds for what the machine computes.
    case exact
    /// Real-valued images: the certificate speaks about ideal Gaussian noise in real arithmetic.
    case real
  }

  /// "gaussian".
  package var law: String
  /// The standard deviation in units of the full pixel range (1 = 255 levels), as an exact decimal.
  package var sigma: String
  package var arithmetic: Arithmetic
  /// The number of table entries is 2 M.
  package var tableHalf: Int
  /// SHA-256 of the table: T_j for j = -M ... M-1 in decimal, joined by newlines.
  package var tableSHA256: String

  package init(law: String, sigma: String, arithmetic: Arithmetic, tableHalf: Int, tableSHA256: String) {
    self.law = law
    self.sigma = sigma
    self.arithmetic = arithmetic
    self.tableHalf = tableHalf
    self.tableSHA256 = tableSHA256
  }

  /// The text that stands for the law in the key: law, sigma and arithmetic.
  package var keyText: String { "\(law);sigma=\(sigma);\(arithmetic.rawValue)" }

  /// The first eight bytes of SHA-256(keyText, newline, nonce, SHA-256 of the image's bytes).
  ///
  /// Neither the model nor n, alpha, batch or device enters, so that votes can be replayed on another version of the
  /// model or on another device (reference/soundness.md 2.4).
  package func key(nonce: [UInt8], imageSHA256: [UInt8]) -> [UInt8] {
    Array(SHA256.digest(Array((keyText + "\n").utf8) + nonce + imageSHA256)[..<8])
  }

  /// A key's bytes as the two words that Philox takes, most significant byte first.
  package static func words(_ key: [UInt8]) -> (UInt32, UInt32) {
    func word(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }
    return (word(key[0..<4]), word(key[4..<8]))
  }
}
