// Each term of the error account is needed: without it a plain binary32 device proves a network that has a violation.
//
// Rows without a term to leave out are made wrong by what their column `wrong_answer_comes_from` says. f32_only and
// real_only are about witnesses, not bounds: WitnessesTests has them.

import BranchAndBound
import Networks
import TestSupport
import Testing

@Suite("Omitted error terms", .enabled(if: SoundnessRow.isAvailable, "data/soundness is missing; set SURETY_DATA"))
struct OmissionTests {
  /// Whether the property's row is bounded above 0 on the whole region.
  private func isProven(_ name: String, _ bounds: FlatBounds) throws -> Bool {
    try isProven(SoundnessRow.named(name).problem(), bounds)
  }

  private func isProven(_ problem: SearchProblem, _ bounds: FlatBounds) -> Bool {
    bounds.isProven(problem.verificationCase.rows[0], problem.network, problem.verificationCase)
  }

  @Test(arguments: SoundnessRow.all) func theCompleteAccountNeverProvesTheOpposite(_ row: SoundnessRow) throws {
    let problem = try row.problem()
    let phi = problem.verificationCase.rows[0]
    for semantics in Semantics.allCases {
      for choice in 0..<8 {
        let bounds = FlatBounds(
          device: FlatDevice(flushes: choice & 1 != 0), semantics: semantics, hasNarrowConstant: choice & 2 != 0,
          boundsByPasses: choice & 4 != 0)
        #expect(!isProven(problem, bounds) || row.allowsProof(semantics), "\(semantics), choice \(choice)")
        if let bound = bounds.bound(phi, problem.network, problem.verificationCase) {
          #expect(bound <= row.value + phi.constant, "\(semantics), choice \(choice)")
        }
      }
    }
  }

  /// The column charges the layers as they are written. Where importing merges some, or a product is with 1 and exact,
  /// fewer terms are left.
  @Test(arguments: SoundnessRow.all.filter { $0.bound != nil })
  func theCompleteAccountIsThatOfTheColumn(_ row: SoundnessRow) throws {
    let problem = try row.problem()
    let phi = problem.verificationCase.rows[0]
    let bound = try #require(FlatBounds().bound(phi, problem.network, problem.verificationCase)) - phi.constant
    let wanted = row.bound!
    #expect(bound >= wanted - 1e-8 * wanted.magnitude)
    let hasFewerTerms = ["const_sum", "residual", "stable_sign", "decimal", "f32_only", "real_only"].contains(row.name)
    #expect(hasFewerTerms || (bound - wanted).magnitude <= 1e-8 * wanted.magnitude, "\(bound), not \(wanted)")
  }

  @Test func thereAreAllRows() {
    #expect(SoundnessRow.all.count == 14)
    #expect(SoundnessRow.all.flatMap(\.omissions).count == 13)
  }

  /// The whole matrix: an omission proves the opposite exactly where the column says so.
  @Test(arguments: SoundnessRow.all.filter { $0.real == "sat" })
  func exactlyTheNamedOmissionsProveTheOpposite(_ row: SoundnessRow) throws {
    let problem = try row.problem()
    for term in [FlatBounds.Term.affine, .bias, .intercept, .add, .concretise, .floor] {
      for flushes in [false, true] {
        let isNoticed = row.omissions.contains { $0.term == term && $0.flushes == flushes }
        let bounds = FlatBounds(device: FlatDevice(flushes: flushes), omitted: [term])
        #expect(isProven(problem, bounds) == isNoticed, "without \(term), flushes \(flushes)")
      }
    }
  }

  @Test func aNarrowConstantWithoutItsRoundingsProvesTheOpposite() throws {
    #expect(try !isProven("const_sum", FlatBounds(hasNarrowConstant: true)))
    #expect(try isProven("const_sum", FlatBounds(omitted: [.constant], hasNarrowConstant: true)))
  }

  @Test("A sum that is not finite proves the opposite where nobody looks", arguments: ["overflow", "nan"])
  func finiteness(_ name: String) throws {
    #expect(try !isProven(name, FlatBounds(hasNarrowConstant: true)))
    #expect(try isProven(name, FlatBounds(omitted: [.finiteness], hasNarrowConstant: true)))
  }

  @Test func intermediateBoundsWithoutTheirErrorProveTheOpposite() throws {
    // The bound of the neuron that is taken for active is 40 before its error is subtracted, and -21 in truth.
    let complete = FlatBounds(hasNarrowConstant: true, boundsByPasses: true)
    #expect(try !isProven("stable_sign", complete))
    var careless = complete
    careless.omitted = [.intermediate]
    #expect(try isProven("stable_sign", careless))
  }

  // The last two in binary64, which is as good as exact here: what is wrong is the region or the network.

  private func wideBound(_ problem: SearchProblem) async throws -> Double {
    let options = SearchOptions(deadline: .now + .seconds(60))
    let bounder = try ReferenceSplitBounder(problem, options)
    return try await bounder.bound([SplitItem(row: 0)], iterations: 0, deadline: options.deadline)[0].bound
  }

  @Test func aDecimalLimitRoundedToNearestProvesTheOpposite() async throws {
    var problem = try SoundnessRow.named("decimal").problem()
    #expect(try await wideBound(problem) < 0)
    problem.verificationCase.lower = [Double(Float(0.1))]
    problem.verificationCase.upper = problem.verificationCase.lower
    #expect(try await wideBound(problem) > 0)
  }

  @Test func aNormalizationFoldedIntoBinary32ProvesTheOpposite() async throws {
    var problem = try SoundnessRow.named("batchnorm").problem()
    #expect(try await wideBound(problem) < 0)
    // scale = 1 / sqrt(variance + epsilon) and shift = -0.05 - mean * scale, each rounded once.
    let scale = 1 / (Double(Float(0.7)) + Double(Float(1e-5))).squareRoot()
    var rows = SparseRows()
    rows.append([(column: 0, value: Double(Float(scale)))])
    let shift = Double(Float(Double(Float(-0.05)) - 8_388_611 * scale))
    problem.network = Network(
      name: "folded",
      layers: [
        Network.Layer(name: "input", neurons: 0..<1, relation: .input),
        Network.Layer(name: "folded", neurons: 1..<2, relation: .affine(Affine(rows: rows, bias: [shift]))),
      ], outputLayer: 1)
    #expect(try await wideBound(problem) > 0.58)
  }
}
