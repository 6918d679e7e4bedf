// The vote bitmap as the checker reads it: bit i & 7 of byte i >> 3 is 1 iff sample i voted for the certificate's class.

/// The votes of samples 0 ..< count.
package struct CheckedVotes: Sendable {
  package let bytes: [UInt8]
  package let count: Int

  /// Reads the file of a bitmap.
  ///
  /// - Throws: a sentence unless there are exactly ceil(count / 8) bytes and the bits beyond `count` are 0, so that
  ///   equal votes have equal hashes and nothing hides behind the last sample.
  package init(bytes: [UInt8], count: Int) throws(StatisticsRejection) {
    guard count >= 0, bytes.count == count / 8 + (count % 8 == 0 ? 0 : 1) else {
      throw StatisticsRejection("A vote bitmap of \(bytes.count) bytes does not hold exactly \(count) samples.")
    }
    if count % 8 != 0, let last = bytes.last, last >> UInt8(count % 8) != 0 {
      throw StatisticsRejection("The vote bitmap has votes beyond its last sample, number \(count - 1).")
    }
    self.bytes = bytes
    self.count = count
  }

  /// Whether a sample voted for the class. The sample must be in 0 ..< count.
  package subscript(sample: Int) -> Bool {
    precondition(sample >= 0 && sample < count)
    return bytes[sample / 8] >> UInt8(sample % 8) & 1 == 1
  }

  /// How many of the first `samples` voted for the class; `samples` must be in 0 ... count.
  package func votes(first samples: Int) -> Int {
    precondition(samples >= 0 && samples <= count)
    var total = bytes[..<(samples / 8)].reduce(0) { $0 + $1.nonzeroBitCount }
    for sample in (samples / 8 * 8)..<samples where self[sample] { total += 1 }
    return total
  }

  /// The counts at ascending looks.
  ///
  /// - Throws: a sentence if a look lies beyond the bitmap.
  package func votes(atLooks looks: [Int]) throws(StatisticsRejection) -> [Int] {
    var counts: [Int] = []
    for samples in looks {
      guard samples >= 0, samples <= count else {
        throw StatisticsRejection("A look at \(samples) samples needs more votes than the \(count) that are stored.")
      }
      counts.append(votes(first: samples))
    }
    return counts
  }
}
