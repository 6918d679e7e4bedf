import Certificates
import Compute
import Hashing
import Inputs
import Primitives
import Statistics
import Tensors

/// Gaussian noise as integers: the table, what becomes of noisy pixels, and how certificates describe it.
///
/// 8-bit images: z from the compare table of sigma, y = clamp(X + z, -255 k, 255 (k + 1)), then the look-up table of the
/// preprocessing; certificates are exact. Real-valued inputs: the table of sigma 1, whose steps are 1/255 of a standard
/// deviation, scaled by sigma / 255; certificates speak about ideal Gaussian noise in real arithmetic.
package struct GaussianNoise: Sendable {
  package let sigma: ExactDecimal
  package let table: NoiseTable
  package let arithmetic: NoiseDescription.Arithmetic
  /// The least and greatest noisy pixel.
  package var lowest: Int { -255 * table.k }
  package var highest: Int { 255 * (table.k + 1) }

  package init(sigma: ExactDecimal, arithmetic: NoiseDescription.Arithmetic) throws {
    self.sigma = sigma
    self.arithmetic = arithmetic
    switch arithmetic {
    case .exact: table = try NoiseTable(sigma: sigma)
    case .real: table = try NoiseTable(sigma: ExactDecimal(1))
    }
  }

  package var description: NoiseDescription {
    NoiseDescription(
      law: "gaussian", sigma: sigma.text, arithmetic: arithmetic, tableHalf: table.largestNoise,
      tableSHA256: SHA256.text(Array(table.decimalText.utf8)))
  }

  /// tau for an input of d pixels; 0 in real arithmetic, whose certificates do not account for the noise's steps.
  package func totalVariation(dimensions d: Int) -> Double {
    arithmetic == .exact ? table.totalVariation(dimensions: d) : 0
  }

  /// What `AddNoise` needs. `lookup` is the preprocessing's table per model channel (exact arithmetic only).
  package func law(lookup: [[Float]]?) -> AddNoise.NoiseLaw {
    AddNoise.NoiseLaw(
      thresholds: Tensor(shape: [table.thresholds.count], type: .uint64, elements: table.thresholds),
      guide: Tensor(shape: [table.guideTable.count], type: .int32, elements: table.guideTable.map { Int32($0) }),
      center: table.largestNoise, lowest: lowest, highest: highest,
      lookup: lookup.map { Tensor(shape: [$0.count, highest - lowest + 1], floats: $0.flatMap { $0 }) },
      step: arithmetic == .real ? Float(sigma.nearest / 255) : 0)
  }

  /// SHA-256 of the look-up table's binary32 numbers, little-endian, channel after channel.
  package static func digest(lookup: [[Float]]) -> String {
    SHA256.text(lookup.flatMap { $0 }.withUnsafeBytes { Array($0) })
  }
}
