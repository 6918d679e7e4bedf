import FoundationEssentials
import Hashing

/// The outer form of a proof file: a line of JSON, a zlib stream, and SHA-256 of all bytes before it.
struct ProofContainer {
  let header: VerificationProof.Header
  /// The number of trees, from the header's line.
  let cases: Int
  /// The zlib stream.
  let body: ArraySlice<UInt8>

  static let magic = Array("surety-proof ".utf8)
  private static let digestSize = 32
  /// A header is some hundred bytes; a robustness text may hold a whole image.
  private static let longestLine = 1 << 26

  private struct Line: Codable {
    var header: VerificationProof.Header
    var cases: Int
  }

  /// The bytes before the zlib stream.
  static func start(_ header: VerificationProof.Header, cases: Int) throws -> [UInt8] {
    magic + Array(try JSONText.encode(Line(header: header, cases: cases)).utf8) + [UInt8(ascii: "\n")]
  }

  /// Closes a file's bytes with their digest.
  static func sealed(_ bytes: [UInt8]) -> [UInt8] { bytes + SHA256.digest(bytes) }

  init(_ bytes: [UInt8]) throws {
    guard bytes.starts(with: Self.magic) else { throw FileError("it does not start with \"surety-proof\"") }
    guard let end = bytes.prefix(Self.longestLine).firstIndex(of: UInt8(ascii: "\n")),
      bytes.count >= end + 1 + Self.digestSize
    else { throw FileError("it ends too early") }
    let stop = bytes.count - Self.digestSize
    let hash = SHA256()
    bytes.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[..<stop])) }
    guard bytes[stop...].elementsEqual(hash.finish()) else {
      throw FileError("its checksum does not match: the file was damaged or is not complete")
    }
    let line: Line
    do {
      line = try JSONText.decode(Line.self, from: bytes[Self.magic.count..<end])
    } catch {
      throw FileError("its first line is no header of this version: \(error)")
    }
    guard line.header.format == VerificationProof.Header.currentFormat else {
      throw FileError(
        "its format is \"\(line.header.format)\"; this program reads \"\(VerificationProof.Header.currentFormat)\"")
    }
    header = line.header
    cases = line.cases
    body = bytes[(end + 1)..<stop]
  }
}
