// How many ablations of a patch certificate a patch can touch, by enumeration.
//
// Levine, Feizi 2020 ("(De)randomized smoothing"). The usual formula ceil((m + s - 1) / stride) is one too small when the
// stride does not divide the width, because bands wrap around the seam; so nothing here is a formula.

/// Affected-ablation counts and the certificate rule of derandomized patch smoothing.
public enum PatchCounts {
  /// The largest number of bands (wrapping, at positions 0, stride, 2 stride, ... below the width) that any placement of
  /// a patch touches.
  ///
  /// - Returns: nil for sizes that do not fit the width.
  /// - Complexity: width times number of bands.
  public static func affectedBands(width: Int, patch: Int, band: Int, stride step: Int) -> Int? {
    guard width > 0, patch > 0, patch <= width, band > 0, band <= width, step > 0 else { return nil }
    var worst = 0
    for offset in 0...(width - patch) {
      var touched = 0
      for position in stride(from: 0, to: width, by: step) {
        // Distances modulo the width from the band's start to the patch's start and back.
        let ahead = (offset - position + width) % width
        let behind = (position - offset + width) % width
        if ahead < band || behind < patch { touched += 1 }
      }
      worst = max(worst, touched)
    }
    return worst
  }

  /// The largest number of square blocks (wrapping in both directions) that any placement of a square patch touches.
  public static func affectedBlocks(width: Int, height: Int, patch: Int, block: Int, stride: Int) -> Int? {
    guard let columns = affectedBands(width: width, patch: patch, band: block, stride: stride),
      let rows = affectedBands(width: height, patch: patch, band: block, stride: stride)
    else { return nil }
    return columns * rows
  }

  /// Whether the plurality class cannot be overturned: n_A >= max over c of (n_c + [c < A]) + 2 affected.
  public static func isCertified(votes: [Int], top: Int, affected: Int) -> Bool {
    votes.indices.allSatisfy { $0 == top || votes[top] >= votes[$0] + ($0 < top ? 1 : 0) + 2 * affected }
  }
}
