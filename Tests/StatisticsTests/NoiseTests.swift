import Statistics
import TestSupport
import Testing

private let dataIsThere = TestData.isAvailable(VectorFile.soundness)

private func words(_ text: some StringProtocol) -> [UInt32] {
  text.split(separator: " ").compactMap { UInt32($0, radix: 16) }
}

@Suite struct NoiseTests {
  @Test(.enabled(if: dataIsThere, "data/soundness/vectors.csv is missing"))
  func philoxGivesThePublishedAnswers() throws {
    for row in try VectorFile.rows(VectorFile.soundness, kinds: ["philox4x32_10"]) {
      let counter = words(try row.text("counter"))
      let key = words(try row.text("key"))
      let block = Philox4x32.block(
        counter: SIMD4(counter[0], counter[1], counter[2], counter[3]), key: SIMD2(key[0], key[1]))
      let expected = words(row.value)
      #expect((0..<4).map { block[$0] } == expected, "\(row)")
    }
  }

  @Test(.enabled(if: dataIsThere, "data/soundness/vectors.csv is missing"))
  func pixelNoiseFollowsTheCounterLayout() throws {
    for row in try VectorFile.rows(VectorFile.soundness, kinds: ["pixel_noise"]) {
      let key = words(try row.text("key"))
      let word = Philox4x32.noiseWord(
        key: SIMD2(key[0], key[1]), stream: UInt32(try row.int("stream")), sample: UInt64(try row.int("sample")),
        pixel: try row.int("pixel"))
      let noise = try NoiseTable(sigma: try row.decimal("sigma")).noise(for: word)
      #expect("u=\(word);z=\(noise)" == row.value, "\(row)")
    }
  }

  @Test(.enabled(if: dataIsThere, "data/soundness/vectors.csv is missing"))
  func noiseTablesEqualTheReferenceInEveryEntry() throws {
    let kinds: Set = ["noise_table", "noise_entry", "noise_map", "noise_tv"]
    var tables: [String: NoiseTable] = [:]
    for row in try VectorFile.rows(VectorFile.soundness, kinds: kinds) {
      let sigma = try row.text("sigma")
      let table = try tables[sigma] ?? NoiseTable(sigma: try ExactDecimal(sigma))
      tables[sigma] = table
      switch row.kind {
      case "noise_table":
        let digest = sha256Hex(Array(table.decimalText.utf8))
        #expect("k=\(table.k);M=\(table.largestNoise);sha256=\(digest)" == row.value, "\(row)")
      case "noise_entry":
        let entry = table.threshold(try row.int("j")).map(String.init) ?? "18446744073709551616"
        #expect(entry == row.value, "\(row)")
      case "noise_map":
        let word = try #require(UInt64(try row.text("u")))
        #expect(String(table.noise(for: word)) == row.value, "\(row)")
      default:
        let d = try row.int("d")
        let tau = table.totalVariation(dimensions: d)
        #expect(tau == Double(d * table.largestNoise) * 0x1p-64, "\(row)")
        let printed = try ExactDecimal(String(row.value.dropFirst("bound=".count))).nearest
        #expect(abs(tau - printed) <= 1e-11 * printed, "\(row)")
      }
    }
  }

  @Test(arguments: ["0.001", "0.12", "0.5", "1", "2.5"])
  func tablesAreSymmetricAndTheGuideAgreesWithCounting(sigma: String) throws {
    let table = try NoiseTable(sigma: try ExactDecimal(sigma))
    for j in 0..<table.largestNoise {
      // T_j + T_(-1-j) = 2^64, which wraps to 0; nil stands for 2^64.
      #expect((table.threshold(j) ?? 0) &+ (table.threshold(-1 - j) ?? 0) == 0, "sigma \(sigma), j \(j)")
    }
    var generator = SeededGenerator(seed: 7)
    var words: [UInt64] = [0, .max, 1 << 63, (1 << 63) - 1]
    for _ in 0..<200 { words.append(generator.next()) }
    for _ in 0..<200 {
      let threshold = table.thresholds[Int(generator.next() % UInt64(table.thresholds.count))]
      words += [threshold, threshold &- 1, threshold &+ 1]
    }
    for word in words {
      let counted = table.thresholds.reduce(0) { $0 + (word >= $1 ? 1 : 0) } - table.largestNoise
      #expect(Int(table.noise(for: word)) == counted, "sigma \(sigma), word \(word)")
    }
  }

  @Test func noiseLevelsInWrongUnitsAreRefusedWithAdvice() throws {
    let error = #expect(throws: StatisticsError.self) { try NoiseTable(sigma: try ExactDecimal("64")) }
    #expect(error?.description.contains("0..255 scale") == true)
    #expect(throws: StatisticsError.self) { try NoiseTable(sigma: try ExactDecimal("0")) }
  }

  #if !DEBUG
    @Test func buildingTheTableOfSigmaOneTakesWellUnderASecond() throws {
      let sigma = try ExactDecimal("1")
      let time = try ContinuousClock().measure { _ = try NoiseTable(sigma: sigma) }
      #expect(time < .milliseconds(500), "\(time); 28 ms on an idle core")
    }
  #endif
}
