import FoundationEssentials
import Networks

// What a proof file holds: which model, property and arithmetic it speaks about, and one closed tree per case.
// Documentation/proof-format.md describes the bytes.

/// The claim "no input of the property is forbidden for the model", with what a checker needs to replay it.
///
/// Nothing in it is trusted: the hashes bind it to two files, the trees say how to cut the region, and the slopes and
/// multipliers in them are hints. A checksum tells damage, not forgery.
package struct VerificationProof: Sendable {
  package var header: Header
  /// One for each case of the property, in order.
  package var trees: [ProofTree]

  package init(header: Header, trees: [ProofTree]) {
    self.header = header
    self.trees = trees
  }

  /// The line of JSON at a proof file's start.
  package struct Header: Sendable, Equatable, Codable {
    /// `Header.currentFormat`; any other is refused.
    package var format: String
    /// The program and its version, for people.
    package var program: String
    /// SHA-256 of the model file's bytes, after decompression, in hexadecimal.
    package var modelSHA256: String
    /// The same of the property file, or of `robustness`.
    package var propertySHA256: String
    /// Which arithmetic the proof speaks about.
    package var semantics: Semantics
    /// Where the files were, if that is known: for people, not part of the claim.
    package var modelPath: String?
    package var propertyPath: String?
    /// The canonical text of a robustness property, where no property file states it.
    package var robustness: String?

    package static let currentFormat = "surety-proof-1"

    package init(
      program: String, modelSHA256: String, propertySHA256: String, semantics: Semantics, modelPath: String? = nil,
      propertyPath: String? = nil, robustness: String? = nil
    ) {
      format = Self.currentFormat
      self.program = program
      self.modelSHA256 = modelSHA256
      self.propertySHA256 = propertySHA256
      self.semantics = semantics
      self.modelPath = modelPath
      self.propertyPath = propertyPath
      self.robustness = robustness
    }
  }
}

extension VerificationProof {
  /// Writes the file so that a reader sees the old bytes or the whole proof, also after a power cut.
  package func write(to path: String) throws { try DurableFile.replace(path, with: try encoded()) }

  /// Reads a file; whatever its bytes are, the answer is a proof or a sentence, in bounded memory.
  package static func read(_ path: String, memoryLimit: Int = 8 << 30) throws -> VerificationProof {
    guard let bytes = try DurableFile.read(path) else { throw FileError("there is no proof file \(path)") }
    do {
      return try VerificationProof(decoding: bytes, memoryLimit: memoryLimit)
    } catch let error as FileError {
      throw FileError("\(path) is no proof: \(error.description)")
    }
  }

  /// Whether a file starts as a proof does.
  package static func isProof(_ path: String) -> Bool {
    guard let bytes = try? DurableFile.read(path) else { return false }
    return bytes.starts(with: ProofContainer.magic)
  }

  /// The header alone, for whoever must find the model and the property first.
  package static func readHeader(_ path: String) throws -> Header {
    guard let bytes = try DurableFile.read(path) else { throw FileError("there is no proof file \(path)") }
    do {
      return try ProofContainer(bytes).header
    } catch let error as FileError {
      throw FileError("\(path) is no proof: \(error.description)")
    }
  }
}
