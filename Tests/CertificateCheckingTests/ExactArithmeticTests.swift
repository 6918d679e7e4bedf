import CertificateChecking
import TestSupport
import Testing

/// Values of mpmath 1.3.0 at 110 digits, printed with 85.
private enum Reference {
  static let exponentials: [(String, String)] = [
    ("0", "1.000000000000000000000000000000000000000000000000000000000000000000000000000000000000"),
    ("0.5", "1.648721270700128146848650787814163571653776100710148011575079311640661021194215608633"),
    ("1", "2.718281828459045235360287471352662497757247093699959574966967627724076630353547594571"),
    ("-1", "0.3678794411714423215955237701614608674458111310317678345078368016974614957448998033571"),
    ("20", "485165195.4097902779691068305415405586846389889448472543536108003159779961427097401660"),
    ("-20", "2.061153622438557827965940380155820976375807275599103692972244661629164023784559353280e-9"),
    ("200", "7.225973768125749258177477042189305697356874428527319284032697891232219093614738916616e+86"),
    ("-0.000001", "0.9999990000004999998333333749999916666680555553571428819444416887127976190225669413213"),
    ("-150.25", "5.587970362512926605309316428794676266140455302835517230267731121920084290520108171428e-66"),
    ("0.6931471805599453", "1.999999999999999981165535757083646952533260560703158042522095201879837855199939675318"),
  ]

  static let logarithms: [(String, String)] = [
    ("1", "0.0"),
    ("2", "0.6931471805599453094172321214581765680755001343602552541206800094933936219696947156059"),
    ("0.5", "-0.6931471805599453094172321214581765680755001343602552541206800094933936219696947156059"),
    ("1.999999", "0.6931466805598203093755654391665036514062292999108500039344510907449436767868190314391"),
    ("10", "2.302585092994045684017991454684364207601101488628772976033327900967572609677352480236"),
    ("1e-9", "-20.72326583694641115616192309215927786840991339765895678429995110870815348709617232212"),
    ("1000000000", "20.72326583694641115616192309215927786840991339765895678429995110870815348709617232212"),
    ("0.8413447460685429", "-0.1727537790234499472735990527871124859378613268526235028153369596639645798389271224691"),
    ("0.9999999", "-1.000000050000003333333583333353333335000000142857155357143968254068253977344878178211e-7"),
  ]

  static let roots: [(String, String)] = [
    ("2", "1.414213562373095048801688724209698078569671875376948073176679737990732478462107038850"),
    ("0.5", "0.7071067811865475244008443621048490392848359376884740365883398689953662392310535194252"),
    ("1e-12", "1.000000000000000000000000000000000000000000000000000000000000000000000000000000000000e-6"),
    ("150528", "387.9793808954285137501479804973154101951883768535252606845007633972329957875712083062"),
    ("1", "1.000000000000000000000000000000000000000000000000000000000000000000000000000000000000"),
  ]

  static let pi = "3.141592653589793238462643383279502884197169399375105820974944592307816406286208998628"
  static let logTwo = "0.6931471805599453094172321214581765680755001343602552541206800094933936219696947156059"
}

/// Whether an enclosure holds a number known to 84 significant digits and is narrower than 2^-bits of max(1, |number|).
func encloses(_ enclosure: ExactEnclosure, _ text: String, bits: Int) throws -> Bool {
  let value = try ExactRational(decimal: text)
  let doubt = value.magnitude * (try ExactRational(decimal: "1e-84"))
  let scale = max(ExactRational.one, value.magnitude)
  return enclosure.lower <= value + doubt && value - doubt <= enclosure.upper
    && enclosure.upper - enclosure.lower <= scale * powerOfTwo(-bits)
}

@Suite struct ExactArithmeticTests {
  private func interval(_ text: String) throws -> ExactInterval { ExactInterval(try ExactRational(decimal: text)) }

  @Test func exponentialEnclosesTheKnownValues() throws {
    for (x, value) in Reference.exponentials {
      #expect(try encloses(interval(x).exponential().enclosure, value, bits: 235), "e^\(x)")
    }
  }

  @Test func scaledExponentialKeepsItsPrecisionFarFromOne() throws {
    // e^(-1000) e^(1000) = 1, although e^(-1000) is far below 2^-256.
    let (small, down) = try interval("-1000").scaledExponential()
    let (large, up) = try interval("1000").scaledExponential()
    let product = (small * large).scaled(byPowerOfTwo: down + up)
    #expect(try encloses(product.enclosure, "1", bits: 235))
    #expect(down == -1443 && up == 1442)
  }

  @Test func logarithmEnclosesTheKnownValues() throws {
    for (x, value) in Reference.logarithms {
      #expect(try encloses(interval(x).logarithm().enclosure, value, bits: 215), "ln \(x)")
    }
  }

  @Test func squareRootEnclosesTheKnownValues() throws {
    for (x, value) in Reference.roots {
      #expect(try encloses(interval(x).squareRoot().enclosure, value, bits: 230), "sqrt \(x)")
    }
  }

  @Test func constantsEncloseTheKnownDigits() throws {
    #expect(try encloses(ExactInterval.pi.enclosure, Reference.pi, bits: 240))
    #expect(try encloses(ExactInterval.logTwo.enclosure, Reference.logTwo, bits: 240))
  }

  /// Random rationals of both signs: the exact result of each operation lies in the interval's result.
  @Test func operationsEncloseTheExactResult() throws {
    let seed: UInt64 = 20_260_101
    var generator = SeededGenerator(seed: seed)
    func random() -> ExactRational {
      ExactRational(
        Int.random(in: -1_000_000...1_000_000, using: &generator), over: Int.random(in: 1...99_999, using: &generator))
    }
    for round in 0..<500 {
      let (a, b) = (random(), random())
      let (x, y) = (ExactInterval(a), ExactInterval(b))
      let factor = Int.random(in: -50...50, using: &generator)
      var pairs = [
        ((x + y).enclosure, a + b), ((x - y).enclosure, a - b), ((x * y).enclosure, a * b),
        ((x * factor).enclosure, a * ExactRational(factor)), ((x / 7).enclosure, a / ExactRational(7)),
        (x.scaled(byPowerOfTwo: -3).enclosure, a / ExactRational(8)),
      ]
      if b > .zero { pairs.append(((x / y).enclosure, a / b)) }
      for (index, (enclosure, exact)) in pairs.enumerated() {
        #expect(
          enclosure.lower <= exact && exact <= enclosure.upper
            && enclosure.upper - enclosure.lower <= powerOfTwo(-190),
          "seed \(seed), round \(round), operation \(index)")
      }
    }
  }

  @Test func decimalsAreReadExactly() throws {
    #expect(try ExactRational(decimal: "0.12") == ExactRational(3, over: 25))
    #expect(try ExactRational(decimal: ".0001") == ExactRational(1, over: 10_000))
    #expect(try ExactRational(decimal: "-1.5e-3") == ExactRational(-3, over: 2000))
    #expect(try ExactRational(decimal: "+2E2") == ExactRational(200))
    #expect(try ExactRational(decimal: "1.") == .one)
    #expect(try ExactRational(exactly: 0.1) == ExactRational(3_602_879_701_896_397, over: 1 << 55))
    #expect(try ExactRational(exactly: .leastNonzeroMagnitude) == powerOfTwo(-1074))
    #expect(try ExactRational(exactly: -1024) == ExactRational(-1024))
    #expect(try ExactRational(exactly: 0.1) > ExactRational(decimal: "0.1"))
  }

  @Test(arguments: ["", ".", "nan", "inf", "1e", "0x10", "1/2", "1 ", "1e99999", "--1", "1.2.3", "e5", "1_000"])
  func whatIsNoDecimalIsRefused(text: String) {
    #expect(throws: StatisticsRejection.self) { try ExactRational(decimal: text) }
  }

  @Test func numbersThatAreNotFiniteAreRefused() {
    for value in [Double.nan, .infinity, -.infinity] {
      #expect(throws: StatisticsRejection.self) { try ExactRational(exactly: value) }
    }
  }

  @Test func floorGoesTowardMinusInfinity() {
    #expect(ExactRational(7, over: 2).floor == 3)
    #expect(ExactRational(-7, over: 2).floor == -4)
    #expect(ExactRational(-4).floor == -4)
    #expect(ExactRational(7, over: -2).floor == -4)
  }

  @Test func approximationsInMessagesAreClose() throws {
    for value in [0.1, -3.75, 1e-300, 123_456_789.5, .leastNonzeroMagnitude, 0] {
      let shown = try ExactRational(exactly: value).approximation
      #expect(abs(shown - value) <= abs(value) * 1e-15, "\(value) \(shown)")
    }
  }
}
