import Smoothing
import Statistics

/// The sampling of `surety smooth certify` where the user asks for none, and what it costs.
enum SamplingDefaults {
  static let alpha = "0.001"
  static let selection = 100
  static let estimation = 100_000

  /// The declared radius: half of sigma, exactly.
  static func radius(_ sigma: ExactDecimal) -> String {
    // x / 2 = 5 x / 10: five times the digits, one decimal more.
    let text = sigma.text
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let decimals = parts.count == 2 ? parts[1].count : 0
    let digits = Int(parts.joined()) ?? 0
    let product = String(digits * 5)
    let padded = String(repeating: "0", count: max(0, decimals + 2 - product.count)) + product
    return padded.dropLast(decimals + 1) + "." + padded.suffix(decimals + 1)
  }

  /// Passes that one certificate takes on typical data (`StoppingRule.typicalPasses`): sequential sampling of the default
  /// radius with at most n samples; nil where n samples can never certify it.
  static func expectedPasses(_ noise: GaussianNoise, dimensions: Int, n: Int) throws -> Double? {
    let sigma = noise.sigma
    let options = try SamplingOptions(
      kind: .sequential, alpha: ExactDecimal(alpha), selection: selection, estimation: n,
      radii: [ExactDecimal(radius(sigma))], schedule: .geometric)
    return try? StoppingRule(
      options: options, sigma: sigma, totalVariation: noise.totalVariation(dimensions: dimensions),
      isExact: noise.arithmetic == .exact
    ).typicalPasses
  }
}
