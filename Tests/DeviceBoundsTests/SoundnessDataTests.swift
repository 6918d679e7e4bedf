// data/soundness on devices: networks whose verdict is known exactly although binary32 bounds point the other way.

import BranchAndBound
import Compute
import DeviceBounds
import GatherBounds
import Graphs
import Networks
import ONNXImport
import TestSupport
import Testing
import VNNLIB

/// A row of expected.csv: a network, what holds of it in real numbers, and in binary32.
private struct SoundnessRow: Sendable, CustomStringConvertible {
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

  func problem() throws -> SearchProblem {
    let network = try ONNXImporter.load(TestData.path("soundness/\(name).onnx")).network()
    let property = try VNNLIBReader.read(path: TestData.path("soundness/\(name).vnnlib"))
    return SearchProblem(network: network, verificationCase: VerificationCase(property.cases[0], of: network))
  }

  /// What may be claimed under some semantics.
  func allowsProof(_ semantics: Semantics) -> Bool {
    real == "unsat" && (semantics == .real || float32 == "unsat")
  }
}

@Suite(
  "Soundness networks on devices", .serialized,
  .enabled(if: SoundnessRow.isAvailable, "data/soundness is missing; set SURETY_DATA"))
struct SoundnessDataTests {
  private func devices() throws -> [any Device] { [try firstDevice(), referenceDevice()] }

  /// Gather blocks: the whole region, and both sides of each split, plain and after ascent.
  @Test func gatherBlocksNeverProveTheOpposite() async throws {
    var bounded = 0
    for row in SoundnessRow.all {
      let problem = try row.problem()
      for semantics in [Semantics.real, .both] {
        // Repeating rows in binary64 can only prove more.
        var options = GatherOptions(repeatsInBinary64: true)
        options.semantics = semantics
        let host: GatherBounder
        do {
          host = try await GatherBounder(problem.network, problem.verificationCase, options)
        } catch let error as GatherError {
          if case .noFloat32Claim = error { continue }
          throw error
        }
        for device in try devices() {
          guard
            let bounder = try await DeviceGatherBounder(host, problem.verificationCase, device: device, batch: 64)
          else { continue }
          bounded += 1
          let isProven = try await isProven(bounder, problem.verificationCase)
          #expect(!isProven || row.allowsProof(semantics), "\(row.name), \(semantics), \(device)")
        }
      }
    }
    #expect(bounded >= 2 * SoundnessRow.all.count, "only \(bounded) were bounded")
  }

  private func isProven(_ bounder: DeviceGatherBounder, _ region: VerificationCase) async throws -> Bool {
    let deadline = ContinuousClock.now + .seconds(300)
    for iterations in [0, 10] {
      let items = region.rows.indices.map { SplitItem(row: $0) }
      let bounds = try await bounder.bound(items, iterations: iterations, deadline: deadline)
      if bounds.contains(where: { $0.bound > 0 }) { return true }
    }
    for slot in bounder.slots.indices.prefix(4) {
      var isProven = true
      for isActive in [true, false] {
        let items = region.rows.indices.map { row in
          SplitItem(row: row, splits: [Split(slot: Int32(slot), isActive: isActive)])
        }
        let bounds = try await bounder.bound(items, iterations: 10, deadline: deadline)
        if !bounds.contains(where: { $0.bound > 0 }) { isProven = false }
      }
      if isProven { return true }
    }
    return false
  }

  /// The fused search: no candidate is accepted, so that it can only prove or give up.
  @Test func theFusedSearchNeverProvesTheOpposite() async throws {
    var searched = 0
    for row in SoundnessRow.all {
      let problem = try row.problem()
      for semantics in [Semantics.real, .both] where DeviceInputSearch.refusal(problem, semantics) == nil {
        for device in try devices() {
          let search = DeviceInputSearch(device: device, capacity: 1 << 12)
          let options = SearchOptions(deadline: .now + .milliseconds(500), semantics: semantics)
          let outcome = try await search.search(problem, options, SearchEvents(isWitness: { _ in false }))
          searched += 1
          if case .proven = outcome.result {
            #expect(row.allowsProof(semantics), "\(row.name), \(semantics), \(device)")
          }
        }
      }
    }
    #expect(searched > 0)
  }
}
