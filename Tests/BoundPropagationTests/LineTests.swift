import BoundPropagation
import Networks
import TestSupport
import Testing

/// Lines and enclosures of elementary functions: nothing of a dense grid lies on the wrong side.
struct LineTests {
  static let functions: [ElementaryFunction] = [
    .relu, .sign, .sigmoid, .tanh, .exponential, .logarithm, .squareRoot, .reciprocal, .sine, .cosine, .power(2),
    .power(3), .power(4), .power(5), .gelu, .errorFunction, .floor, .step,
  ]

  static func domain(_ function: ElementaryFunction) -> ClosedRange<Double> {
    switch function {
    case .logarithm, .reciprocal: 0.01...9
    case .squareRoot: 0...9
    default: -7...7
    }
  }

  @Test(arguments: functions)
  func noPointOfAGridIsOnTheWrongSideOfALine(_ function: ElementaryFunction) {
    let seed: UInt64 = 4
    print("seed", seed)
    var random = SplitMix(seed)
    let domain = Self.domain(function)
    for trial in 0..<400 {
      var l = random.number(in: domain)
      var u = random.number(in: domain)
      if trial % 4 == 0 { u = l + random.number(in: 0...0.01) }
      if l > u { swap(&l, &u) }
      u = min(u, domain.upperBound)
      let image = function.image(l, u)
      for position in [nil, 0, 0.3, random.number(in: 0...1), 1] as [Double?] {
        let low = function.line(over: l, u, isUpper: false, position: position)
        let high = function.line(over: l, u, isUpper: true, position: position)
        for step in 0...200 {
          let z = min(u, l + (u - l) * Double(step) / 200)
          let value = function(z)
          #expect(image.lower <= value && value <= image.upper)
          let slack = 1e-14 * (1 + abs(value) + abs(low.slope * z) + abs(high.slope * z))
          #expect(low.slope * z + low.intercept <= value + slack, "\(function) \(l) \(u) \(z)")
          #expect(high.slope * z + high.intercept >= value - slack, "\(function) \(l) \(u) \(z)")
        }
        // A line touches: no slack is left over.
        if case .floor = function { continue }
        for (line, side) in [(low, 1.0), (high, -1.0)] {
          var gap = Double.infinity
          for step in 0...2000 {
            let z = min(u, l + (u - l) * Double(step) / 2000)
            gap = min(gap, side * (function(z) - line.slope * z - line.intercept))
          }
          let steps = function == .sign || function == .step
          #expect(gap < (steps ? 2.1 : 1e-5 + 1e-3 * (u - l) * (1 + abs(line.slope))), "\(function) \(l) \(u)")
        }
      }
    }
  }

  @Test(arguments: functions)
  func anySlopeHasAValidIntercept(_ function: ElementaryFunction) {
    var random = SplitMix(11)
    let domain = Self.domain(function)
    for _ in 0..<300 {
      var l = random.number(in: domain)
      var u = random.number(in: domain)
      if l > u { swap(&l, &u) }
      let slope = random.number(in: -2...2)
      let low = function.intercept(slope: slope, over: l, u, isUpper: false).value
      let high = function.intercept(slope: slope, over: l, u, isUpper: true).value
      for step in 0...500 {
        let z = min(u, l + (u - l) * Double(step) / 500)
        let rest = function(z) - slope * z
        #expect(low <= rest + 1e-13 * (1 + abs(rest)) && high >= rest - 1e-13 * (1 + abs(rest)), "\(function)")
      }
    }
  }

  @Test(arguments: functions)
  func derivativesAreDifferenceQuotients(_ function: ElementaryFunction) {
    var random = SplitMix(3)
    switch function {
    case .relu, .sign, .step, .floor: return
    default: break
    }
    for _ in 0..<100 {
      let z = random.number(in: 0.1...3)
      let h = 1e-5
      let (first, second) = function.derivatives(z)
      let quotient = (function(z + h) - function(z - h)) / (2 * h)
      #expect(abs(first - quotient) < 1e-6 * (1 + abs(first)))
      let change = (function.derivatives(z + h).first - function.derivatives(z - h).first) / (2 * h)
      #expect(abs(second - change) < 1e-5 * (1 + abs(second)))
    }
  }

  @Test func productPlanesHoldAtCornersAndBetween() {
    var random = SplitMix(5)
    for _ in 0..<500 {
      let x = [random.number(in: -3...3), random.number(in: -3...3)].sorted()
      let y = [random.number(in: -3...3), random.number(in: -3...3)].sorted()
      for isUpper in [false, true] {
        let position = random.number(in: 0...1)
        let plane = ProductPlane(x[0], x[1], y[0], y[1], isUpper: isUpper, position: position)
        for _ in 0..<50 {
          let a = random.number(in: x[0]...x[1])
          let b = random.number(in: y[0]...y[1])
          let gap = a * b - plane.x * a - plane.y * b - plane.intercept
          #expect(isUpper ? gap <= 1e-13 : gap >= -1e-13)
        }
        let touch = plane.touchX * plane.touchY - plane.x * plane.touchX - plane.y * plane.touchY - plane.intercept
        #expect(abs(touch) < 1e-12)
      }
    }
  }
}

/// Exact vectors of soundness.md 1.6 and 1.7.
struct VectorTests {
  private static func rows(_ kind: String) throws -> [[String: String]] {
    try TestData.lines(TestData.path("soundness/vectors.csv")).compactMap { line in
      let fields = VectorTests.fields(line)
      guard fields.count > 3, fields[1] == kind else { return nil }
      var row = ["id": fields[0], "value": fields[3], "parameters": fields[2]]
      for part in (fields[2] + ";" + fields[3]).split(separator: ";") {
        let pair = part.split(separator: "=", maxSplits: 1)
        if pair.count == 2 { row[String(pair[0])] = String(pair[1]) }
      }
      return row
    }
  }

  private static func fields(_ line: String) -> [String] {
    var result = [""]
    var quoted = false
    for character in line {
      if character == "\"" {
        quoted.toggle()
      } else if character == "," && !quoted {
        result.append("")
      } else {
        result[result.count - 1].append(character)
      }
    }
    return result
  }

  private static func number(_ text: String) -> Double {
    text.hasPrefix("0x") ? Double(Float(bitPattern: UInt32(text.dropFirst(2), radix: 16)!)) : Double(text)!
  }

  private static func pair(_ text: String) -> [Double] {
    text.dropFirst().dropLast().split(separator: ",").map { number(String($0)) }
  }

  @Test(.enabled(if: TestData.isAvailable("soundness/vectors.csv")))
  func upperReLULines() throws {
    let rows = try Self.rows("relu_upper")
    #expect(rows.count == 6)
    for row in rows {
      let s = Self.number(row["s"]!)
      let least = Self.number(row["value"]!)
      let l = Self.number(row["l"]!)
      let u = Self.number(row["u"]!)
      let t = ElementaryFunction.relu.intercept(slope: s, over: l, u, isUpper: true).value
      // The vector is the least binary32 intercept: ours must be valid, and no further than one binary32 step.
      #expect(t >= -s * l && t >= (u - s * u) * (1 - 0x1p-50) && t <= least * (1 + 0x1p-50), "\(row["id"]!)")
    }
  }

  @Test(.enabled(if: TestData.isAvailable("soundness/vectors.csv")))
  func sigmoidAndExponentialLines() throws {
    for (kind, function) in [("sigmoid_line", ElementaryFunction.sigmoid), ("exp_line", .exponential)] {
      for row in try Self.rows(kind) {
        let s = Self.number(row["s"]!)
        let l = Self.number(row["l"]!)
        let u = Self.number(row["u"]!)
        let low = function.intercept(slope: s, over: l, u, isUpper: false).value
        let high = function.intercept(slope: s, over: l, u, isUpper: true).value
        #expect(low <= Self.number(row["low"]!) && low > Self.number(row["low"]!) - 1e-11, "\(row["id"]!)")
        #expect(high >= Self.number(row["up"]!) && high < Self.number(row["up"]!) + 1e-11, "\(row["id"]!)")
      }
    }
  }

  @Test(.enabled(if: TestData.isAvailable("soundness/vectors.csv")))
  func productPlanes() throws {
    for row in try Self.rows("mul_plane") {
      let x = Self.pair(row["x"]!)
      let y = Self.pair(row["y"]!)
      let cx = Self.number(row["cx"]!)
      let cy = Self.number(row["cy"]!)
      let low = ProductPlane(x: cx, y: cy, over: x[0], x[1], y[0], y[1], isUpper: false).intercept
      let high = ProductPlane(x: cx, y: cy, over: x[0], x[1], y[0], y[1], isUpper: true).intercept
      // The vectors are rounded outward to binary32.
      #expect(Float(low) >= Float(Self.number(row["low"]!)) && Float(low) <= Float(Self.number(row["low"]!)).nextUp)
      #expect(Float(high) <= Float(Self.number(row["up"]!)) && Float(high) >= Float(Self.number(row["up"]!)).nextDown)
    }
  }

  @Test(.enabled(if: TestData.isAvailable("soundness/vectors.csv")))
  func clips() throws {
    let rows = try Self.rows("clip_upper")
    #expect(rows.count == 4)
    for row in rows {
      // "6.0 x <= 5.0": a x - 5 <= 0 over [0, 1].
      let words = row["parameters"]!.split(separator: " ")
      let a = Double(words[0])!
      let b = Double(words[3].dropLast())!
      let limit = Clipping.limit(gap: b, coefficient: a, 0, 1)!
      #expect(limit * a >= b && limit <= Self.number(row["value"]!), "\(row["id"]!)")
    }
  }
}

/// Small seeded random numbers for tests.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
  mutating func number(in range: ClosedRange<Double>) -> Double { Double.random(in: range, using: &self) }
}
