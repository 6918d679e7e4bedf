import Certificates
import Hashing
import Networks
import TestSupport
import Testing

/// A proof with every kind of node and extreme numbers, from a seed.
func randomProof(seed: UInt64, cases: Int = 2) -> VerificationProof {
  var random = SeededGenerator(seed: seed)
  func slopes() -> [ProofTree.Slope] {
    (0..<Int.random(in: 0...5, using: &random)).map { _ in
      ProofTree.Slope(
        neuron: .random(in: 0...(.max), using: &random), lower: .random(in: 0...255, using: &random),
        upper: .random(in: 0...1, using: &random) * 7)
    }
  }
  func singles() -> [Float] {
    (0..<Int.random(in: 0...3, using: &random)).map { _ in Float(bitPattern: .random(in: 0...(.max), using: &random)) }
  }
  func lines() -> [ProofTree.JointLine] {
    (0..<max(0, Int.random(in: -2...2, using: &random))).map { _ in
      let inputs = (0..<Int.random(in: 0...3, using: &random)).map { _ in
        Int32.random(in: -9...(.max), using: &random)
      }
      return .init(inputs: inputs, slopes: inputs.map { Float($0) / 3 }, intercept: .random(in: -1...1, using: &random))
    }
  }
  func node() -> ProofTree.Node {
    switch Int.random(in: 0...7, using: &random) {
    case 0: return .splitInput(.random(in: -5...1_000_000, using: &random), at: .random(in: -1...1, using: &random))
    case 1: return .splitNeuron(.random(in: 0...300, using: &random), at: [0, -0.0, .nan, 1e300].randomElement()!)
    case 2: return .splitNeuron(.random(in: 0...300, using: &random), at: 0)
    case 3: return .clip
    case 4: return .clauses
    case 5:
      return .quadratic(
        (0..<Int.random(in: 0...3, using: &random)).map { _ in
          .init(rows: singles().map { (row: .random(in: -3...99, using: &random), weight: $0) })
        })
    default:
      let refutations = (0..<Int.random(in: 0...2, using: &random)).map { _ in
        ProofTree.Refutation(
          rows: singles().map { (row: .random(in: -3...99, using: &random), weight: $0) }, slopes: slopes(),
          splitMultipliers: singles(), inputMultipliers: singles(), jointLines: lines())
      }
      return .leaf(.init(recomputesBounds: .random(using: &random), refutations: refutations))
    }
  }
  let header = VerificationProof.Header(
    program: "surety test", modelSHA256: String(repeating: "ab", count: 32),
    propertySHA256: String(repeating: "cd", count: 32), semantics: .both, robustness: "linf\n8/255 \"x\"")
  return VerificationProof(
    header: header,
    trees: (0..<cases).map { _ in
      ProofTree(
        rootSlopes: (0..<3).map { _ in
          .init(neuron: .random(in: 0...9999, using: &random), isLower: .random(using: &random), slopes: slopes())
        }, nodes: (0..<Int.random(in: 0...40, using: &random)).map { _ in node() })
    })
}

@Suite("Proof files")
struct ProofFileTests {
  @Test("Every tree comes back bit for bit")
  func roundTrip() throws {
    for seed in 0..<200 as Range<UInt64> {
      let proof = randomProof(seed: seed)
      let bytes = try proof.encoded()
      let again = try VerificationProof(decoding: bytes)
      #expect(again.header == proof.header)
      #expect("\(again.trees)" == "\(proof.trees)", "seed \(seed)")
      #expect(try again.encoded() == bytes, "seed \(seed)")
    }
  }

  @Test("Flipped bytes and cut files are refused with a sentence, also where the digest was made to fit")
  func damage() throws {
    var random = SeededGenerator(seed: 11)
    for round in 0..<3000 {
      var bytes = try randomProof(seed: UInt64(round % 50)).encoded()
      if round.isMultiple(of: 3) {
        bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
      } else {
        let place = Int.random(in: bytes.indices, using: &random)
        bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
      }
      #expect(throws: FileError.self) { try VerificationProof(decoding: bytes) }
      // With a digest that fits, what is read may be another proof, but reading never crashes.
      if bytes.count > 32 {
        let forged = Array(bytes.dropLast(32))
        do { _ = try VerificationProof(decoding: forged + SHA256.digest(forged)) } catch is FileError {}
      }
    }
  }

  @Test("A small file cannot unfold into gigabytes")
  func bomb() throws {
    var proof = randomProof(seed: 1, cases: 1)
    proof.trees[0].nodes = Array(repeating: .clip, count: 12_000_000)
    let bytes = try proof.encoded()
    #expect(bytes.count < 100_000)
    #expect(throws: FileError.self) { try VerificationProof(decoding: bytes) }
  }

  @Test("A tree of 1.2 million nodes is written and read in bounded size")
  func largeTree() throws {
    var proof = randomProof(seed: 1, cases: 1)
    var random = SeededGenerator(seed: 5)
    var nodes: [ProofTree.Node] = []
    for _ in 0..<600_000 {
      nodes.append(.splitInput(.random(in: 0...4, using: &random), at: .random(in: -1...1, using: &random)))
      nodes.append(.leaf(.init(recomputesBounds: true)))
    }
    proof.trees[0].nodes = nodes
    let bytes = try proof.encoded()
    #expect(bytes.count < 8_000_000)
    #expect(try VerificationProof(decoding: bytes).trees[0].nodes.count == 1_200_000)
  }

  @Test("A file is replaced as a whole and a missing or foreign one is named")
  func files() throws {
    let folder = try TemporaryFolder.make("proof")
    defer { TemporaryFolder.remove(folder) }
    let proof = randomProof(seed: 3)
    try proof.write(to: folder + "/a.proof")
    #expect(try VerificationProof.read(folder + "/a.proof").encoded() == proof.encoded())
    #expect(try VerificationProof.readHeader(folder + "/a.proof") == proof.header)
    #expect(throws: FileError.self) { try VerificationProof.read(folder + "/none") }
    try DurableFile.replace(folder + "/b.proof", with: Array("hello".utf8))
    #expect(throws: FileError.self) { try VerificationProof.read(folder + "/b.proof") }
  }
}
