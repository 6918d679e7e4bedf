// data/soundness: networks whose verdict is known exactly although binary32 bounds point the other way.

import BranchAndBound
import GatherBounds
import Graphs
import Networks
import ONNXImport
import TestSupport
import Testing
import VNNLIB

/// A row of expected.csv, as far as bounds are concerned.
struct SoundnessRow: Sendable, CustomStringConvertible {
  var name: String
  var real: String
  var float32: String

  var description: String { name }

  static let isAvailable = TestData.isAvailable("soundness/expected.csv")
  static let all: [SoundnessRow] = {
    guard isAvailable, let lines = try? TestData.lines(TestData.path("soundness/expected.csv")) else { return [] }
    return lines.dropFirst().map { line in
      let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      return SoundnessRow(name: fields[0], real: fields[2], float32: fields[3])
    }
  }()

  func problem() throws -> (Network, VerificationCase) {
    let network = try ONNXImporter.load(TestData.path("soundness/\(name).onnx")).network()
    let property = try VNNLIBReader.read(path: TestData.path("soundness/\(name).vnnlib"))
    return (network, VerificationCase(property.cases[0], of: network))
  }

  /// Whether some row is bounded above 0 on the whole region, or on both sides of each of some splits.
  func isProven(_ options: GatherOptions) async throws -> Bool {
    let (network, verificationCase) = try problem()
    let bounder = try await GatherBounder(network, verificationCase, options)
    let far = ContinuousClock.now + .seconds(300)
    let rows = verificationCase.rows.indices
    for iterations in [0, 30] {
      let bounds = try await bounder.bound(rows.map { SplitItem(row: $0) }, iterations: iterations, deadline: far)
      if bounds.contains(where: { $0.bound > 0 }) { return true }
    }
    for slot in bounder.slots.indices.prefix(20) {
      var isProven = true
      for isActive in [true, false] {
        let items = rows.map { SplitItem(row: $0, splits: [Split(slot: Int32(slot), isActive: isActive)]) }
        let bounds = try await bounder.bound(items, iterations: 10, deadline: far)
        if !bounds.contains(where: { $0.bound > 0 }) { isProven = false }
      }
      if isProven { return true }
    }
    return false
  }
}

@Suite(.enabled(if: SoundnessRow.isAvailable, "data/soundness is missing; set SURETY_DATA")) struct SoundnessDataTests {
  @Test(arguments: SoundnessRow.all) func neverProvesTheOpposite(_ row: SoundnessRow) async throws {
    for setting in BoundSetting.all {
      for intermediateIterations in [0, 5] {
        for repeats in [false, true] {
          var options = setting.options
          options.intermediateIterations = intermediateIterations
          options.repeatsInBinary64 = repeats
          let isProven: Bool
          do {
            isProven = try await row.isProven(options)
          } catch let error as GatherError {
            if case .noFloat32Claim = error { continue }
            throw error
          }
          if isProven {
            #expect(row.real == "unsat", "\(row.name), \(setting)")
            if setting.semantics != .real { #expect(row.float32 == "unsat", "\(row.name), \(setting)") }
          }
        }
      }
    }
    #expect(SoundnessRow.all.count == 14)
  }

  /// Networks that one term keeps from being proven on this device, whose private sums are short. The other terms are
  /// left out on both sides, because their room to spare hides the omission.
  static let omissions: [(name: String, term: ErrorTerm, others: Set<ErrorTerm>)] = [
    ("underflow", .floor, []), ("coef_dot", .affine, [.bias, .intercept, .concretise]),
    ("residual", .affine, [.bias, .intercept, .concretise]),
  ]

  @Test(arguments: omissions) func noticesAnOmittedTerm(
    _ omission: (name: String, term: ErrorTerm, others: Set<ErrorTerm>)
  ) async throws {
    let row = try #require(SoundnessRow.all.first { $0.name == omission.name })
    for level: Int32 in 0...2 {
      var options = GatherOptions(repeatsInBinary64: false)
      options.level = level
      options.omitted = omission.others
      #expect(try await !row.isProven(options))
      options.omitted = omission.others.union([omission.term])
      #expect(try await row.isProven(options), "level \(level)")
    }
  }
}
