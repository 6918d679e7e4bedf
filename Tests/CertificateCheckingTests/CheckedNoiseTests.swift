import CertificateChecking
import TestSupport
import Testing

@Suite struct CheckedNoiseTests {
  private static let sigmas = ["0.12", "0.25", "0.5", "1.0"]

  private static let tables: [String: CheckedNoiseTable] = {
    var tables: [String: CheckedNoiseTable] = [:]
    for sigma in sigmas { tables[sigma] = try? CheckedNoiseTable(sigma: rational(sigma)) }
    return tables
  }()

  private static func table(_ sigma: String) throws -> CheckedNoiseTable { try #require(tables[sigma]) }

  /// sigma = 0.5: Phi(-1020 + 1/2 levels) and symmetry, without the data files.
  @Test func tablesAreSymmetricAndAscend() throws {
    for sigma in Self.sigmas {
      let table = try Self.table(sigma)
      let entries = table.thresholds
      #expect(entries.count == 2 * table.half)
      #expect(zip(entries, entries.dropFirst()).allSatisfy { $0 <= $1 })
      #expect(zip(entries, entries.reversed()).allSatisfy { $0 + $1 == UInt128(1) << 64 })
    }
    #expect(try Self.table("0.12").half == 510 && Self.table("1.0").half == 1785)
  }

  @Test(.enabled(if: TestData.isAvailable(StatisticsVectors.soundness), "needs the shared data folder"))
  func tableDigestsEqualThePublishedOnes() throws {
    let rows = try StatisticsVectors.rows(StatisticsVectors.soundness, "noise_table")
    for row in rows {
      // The parameters stand in both columns: sigma=...,k=...;M=...;sha256=...
      let sigma = String(row.text.dropFirst("sigma=".count))
      let table = try Self.table(sigma)
      #expect(
        "M=\(table.half);sha256=\(table.sha256)" == row.value.split(separator: ";").dropFirst().joined(separator: ";"))
    }
    #expect(rows.count == 4)
  }

  @Test(.enabled(if: TestData.isAvailable(StatisticsVectors.soundness), "needs the shared data folder"))
  func tableEntriesEqualThePublishedOnes() throws {
    let rows = try StatisticsVectors.rows(StatisticsVectors.soundness, "noise_entry")
    for row in rows {
      let table = try Self.table(row.parameter("sigma"))
      #expect(String(table.thresholds[row.integer("j") + table.half]) == row.value, "\(row)")
    }
    #expect(rows.count == 20)
  }

  @Test(.enabled(if: TestData.isAvailable(StatisticsVectors.soundness), "needs the shared data folder"))
  func wordsMapToThePublishedNoise() throws {
    let rows = try StatisticsVectors.rows(StatisticsVectors.soundness, "noise_map")
    for row in rows {
      let word = try #require(UInt64(row.parameter("u")))
      #expect(try Self.table(row.parameter("sigma")).noise(for: word) == Int(row.value), "\(row)")
    }
    #expect(rows.count == 13)
  }

  /// The definition, counted one by one, at the words around every entry.
  @Test func bisectionCountsTheEntriesNotAboveTheWord() throws {
    let table = try Self.table("0.25")
    for entry in table.thresholds {
      for word in [entry - 1, entry, entry + 1] where word < UInt128(1) << 64 {
        let count = table.thresholds.count { $0 <= word }
        #expect(table.noise(for: UInt64(word)) == count - table.half)
      }
    }
  }

  @Test(arguments: ["0", "-0.5", "16.01"])
  func impossibleNoiseLevelsAreRefused(sigma: String) {
    #expect(throws: StatisticsRejection.self) { try CheckedNoiseTable(sigma: rational(sigma)) }
  }

  @Test(.enabled(if: TestData.isAvailable(StatisticsVectors.soundness), "needs the shared data folder"))
  func theTotalVariationIsThePublishedBound() throws {
    let rows = try StatisticsVectors.rows(StatisticsVectors.soundness, "noise_tv")
    for row in rows {
      let tau = CheckedNull.totalVariation(
        dimension: row.integer("d"), half: CheckedNoiseTable.half(sigma: try row.number("sigma")))
      let value = try rational(String(row.value.dropFirst("bound=".count)))
      // The file prints 12 digits.
      #expect((tau - value).magnitude <= value * (try rational("1e-11")), "\(row)")
    }
    #expect(rows.count == 12)
    #expect(
      CheckedNull.totalVariation(dimension: 150_528, half: 1020) == ExactRational(150_528 * 1020) * powerOfTwo(-64))
  }

  @Test(.enabled(if: TestData.isAvailable(StatisticsVectors.soundness), "needs the shared data folder"))
  func philoxGivesTheKnownAnswersOfRandom123() throws {
    let rows = try StatisticsVectors.rows(StatisticsVectors.soundness, "philox4x32_10")
    for row in rows {
      let c = words(row.parameter("counter"))
      let k = words(row.parameter("key"))
      let block = CheckedPhilox.words(counter: (c[0], c[1], c[2], c[3]), key: (k[0], k[1]))
      #expect([block.0, block.1, block.2, block.3] == words(row.value), "\(row)")
    }
    #expect(rows.count == 3)
  }

  @Test(.enabled(if: TestData.isAvailable(StatisticsVectors.soundness), "needs the shared data folder"))
  func pixelsGetThePublishedNoise() throws {
    let rows = try StatisticsVectors.rows(StatisticsVectors.soundness, "pixel_noise")
    for row in rows {
      let k = words(row.parameter("key"))
      let stream = UInt32(row.integer("stream"))
      let sample = UInt64(row.integer("sample"))
      let pixel = UInt32(row.integer("pixel"))
      let word = CheckedPhilox.word(key: (k[0], k[1]), stream: stream, sample: sample, pixel: pixel)
      let noise = try Self.table("0.5").noise(key: (k[0], k[1]), stream: stream, sample: sample, pixel: pixel)
      #expect("u=\(word);z=\(noise)" == row.value, "\(row)")
    }
    #expect(rows.count == 5)
  }

  /// Words in hexadecimal separated by spaces.
  private func words(_ text: String) -> [UInt32] { text.split(separator: " ").map { UInt32($0, radix: 16)! } }
}
