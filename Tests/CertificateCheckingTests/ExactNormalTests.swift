import CertificateChecking
import TestSupport
import Testing

/// Values of mpmath 1.3.0 at 110 digits, printed with 85.
private enum Reference {
  static let distributions: [(String, String)] = [
    ("0", "0.5000000000000000000000000000000000000000000000000000000000000000000000000000000000000"),
    ("0.5", "0.6914624612740131036377046106083377398836021755545779368207761426791557954062795440252"),
    ("1", "0.8413447460685429485852325456320379224779129667266043909873944502429914419872048295009"),
    ("-1", "0.1586552539314570514147674543679620775220870332733956090126055497570085580127951704991"),
    ("2", "0.9772498680518207927997173628334665625282237762983215660163339998695237096472242516517"),
    ("3", "0.9986501019683699054733481852324050226221706318416193506357780146441942792354278997320"),
    ("-3.5", "0.0002326290790355250363499258867279847735487493358890412357698920018045125214630250392360"),
    ("6", "0.9999999990134123549623018592991358676019579813302087500209712775229847838245343257571"),
    ("8", "0.9999999999999993779039425728215876484004827411811577511282721099724198476236473431396"),
    ("-8", "6.220960574271784123515995172588188422488717278900275801523763526568603503758089069949e-16"),
    ("12", "0.9999999999999999999999999999999982235178879223210023038289981544429076073335658210468"),
    ("-12", "1.776482112077678997696171001845557092392666434178953185038661173349444368380014449420e-33"),
    ("0.0000001", "0.5000000398942280401432013036145390880915990933428987702675514237589931833502445776638"),
    ("19.5", "0.9999999999999999999999999999999999999999999999999999999999999999999999999999999999995"),
  ]

  static let quantiles: [(String, String)] = [
    ("0.500000000001", "2.506628274631000502415767909746036206743610789056709928035959029501577420168019101454e-12"),
    ("0.6", "0.2533471031357997987981961814242439387872107062853953615943364328979606026454771900451"),
    ("0.8413447460685429", "0.9999999999999997992102861113339133883799082103266969781312048024923685866435749889591"),
    ("0.97724986805182079", "1.999999999999999948144707464171879096221482961684403631573137838549672590065518720160"),
    ("0.99", "2.326347874040841100885606163346911723351817141532013069065640247890876626456034487357"),
    ("0.9999", "3.719016485455680564393660624508478304617319708272154684739481724786930643296726178907"),
    ("0.999999999999", "7.034483825301131929809515068988513015252625300876156578664072081288968543008161009699"),
    ("0.25", "-0.6744897501960817432022270145413071853869044150498618956620937885948486792824430910954"),
    ("1e-20", "-9.262340089798407573717356977875325117535839511847759563575949094684429402103497789522"),
    ("0.000000001", "-5.997807015007686871562310204911537419595120221014543263305990593500750224977852873407"),
  ]
}

@Suite struct ExactNormalTests {
  @Test func distributionEnclosesTheKnownValues() throws {
    for (x, value) in Reference.distributions {
      let phi = ExactNormal.distribution(ExactInterval(try ExactRational(decimal: x))).enclosure
      #expect(try encloses(phi, value, bits: 240), "Phi(\(x))")
    }
  }

  @Test func quantileEnclosesTheKnownValues() throws {
    for (p, value) in Reference.quantiles {
      let x = try ExactNormal.quantile(ExactRational(decimal: p)).enclosure
      #expect(try encloses(x, value, bits: p == "1e-20" ? 150 : 180), "PhiInv(\(p))")
    }
    #expect(try ExactNormal.quantile(.half).enclosure == ExactEnclosure(lower: .zero, upper: .zero))
  }

  @Test func farTailsStayRigorous() throws {
    let above = ExactNormal.distribution(ExactInterval(ExactRational(40))).enclosure
    #expect(above.lower == .one - powerOfTwo(-256) && above.upper == .one)
    let below = ExactNormal.distribution(ExactInterval(ExactRational(-40))).enclosure
    #expect(below.lower == .zero && below.upper == powerOfTwo(-256))
  }

  @Test func quantilesBeyondTheRangeAreRefused() {
    for p in [ExactRational.zero, .one, powerOfTwo(-201), ExactRational(2)] {
      #expect(throws: StatisticsRejection.self) { try ExactNormal.quantile(p) }
    }
  }

  /// Phi(PhiInv(p)) holds p, at random p and very near 1/2, 0 and 1.
  @Test func quantileAndDistributionAreInverse() throws {
    let seed: UInt64 = 7
    var generator = SeededGenerator(seed: seed)
    var cases = (0..<12).map { _ in ExactRational(Int.random(in: 1..<1_000_000, using: &generator), over: 1_000_000) }
    cases += [.half + powerOfTwo(-60), powerOfTwo(-199), .one - powerOfTwo(-150), .half - powerOfTwo(-190)]
    for p in cases {
      let back = ExactNormal.distribution(try ExactNormal.quantile(p)).enclosure
      #expect(back.lower <= p && p <= back.upper, "seed \(seed), p = \(p.approximation)")
    }
  }

  @Test(.enabled(if: TestData.isAvailable(StatisticsVectors.smoothing), "needs the shared data folder"))
  func quantilesOfTheVectorFileAreEnclosed() throws {
    let rows = try StatisticsVectors.rows(StatisticsVectors.smoothing, "normal_quantile")
    // 1e-300 lies beyond what fixed point resolves; the checker only needs quantiles at and above 1/2.
    for row in rows where row.parameter("p") != "1e-300" {
      let x = try ExactNormal.quantile(row.number("p")).enclosure
      let value = try rational(row.value)
      let digit = value.magnitude * (try ExactRational(decimal: "1e-24"))
      #expect(x.lower <= value + digit && value - digit <= x.upper, "\(row)")
    }
    #expect(rows.count == 11)
  }
}
