import CertificateChecking
import TestSupport
import Testing

@Suite struct CheckedVotesTests {
  /// 0b0000_0101, 0b0000_0010: samples 0, 2 and 9 of ten.
  @Test func bitsAreReadFromTheLowEnd() throws {
    let votes = try CheckedVotes(bytes: [0b101, 0b10], count: 10)
    #expect((0..<10).filter { votes[$0] } == [0, 2, 9])
    #expect(try votes.votes(atLooks: [0, 1, 2, 3, 8, 9, 10]) == [0, 1, 1, 2, 2, 2, 3])
  }

  @Test func prefixCountsEqualTheSumOfBits() throws {
    let seed: UInt64 = 3
    var generator = SeededGenerator(seed: seed)
    for count in [0, 1, 7, 8, 9, 63, 64, 65, 1000] {
      var bytes = (0..<((count + 7) / 8)).map { _ in UInt8.random(in: 0...255, using: &generator) }
      if count % 8 != 0 { bytes[bytes.count - 1] &= (1 << UInt8(count % 8)) - 1 }
      let votes = try CheckedVotes(bytes: bytes, count: count)
      for samples in 0...count {
        #expect(
          votes.votes(first: samples) == (0..<samples).count { votes[$0] }, "seed \(seed), \(samples) of \(count)")
      }
    }
  }

  @Test func bitmapsOfAnotherLengthAndHiddenVotesAreRefused() {
    #expect(throws: StatisticsRejection.self) { try CheckedVotes(bytes: [1], count: 9) }
    #expect(throws: StatisticsRejection.self) { try CheckedVotes(bytes: [1, 0], count: 8) }
    #expect(throws: StatisticsRejection.self) { try CheckedVotes(bytes: [0b1000], count: 3) }
    #expect(throws: StatisticsRejection.self) { try CheckedVotes(bytes: [], count: -1) }
    #expect(throws: StatisticsRejection.self) { try CheckedVotes(bytes: [0b100], count: 3).votes(atLooks: [1, 4]) }
  }
}
