// Helpers of the input tests: base64, CRC-32, temporary folders, a mutator of files.

import Glibc
import Inputs
import TestSupport
import Testing

/// CRC-32 (ISO 3309), as zlib.crc32 gives it.
func crc32(_ bytes: [UInt8]) -> UInt32 {
  var remainder: UInt32 = 0xFFFF_FFFF
  for byte in bytes {
    remainder ^= UInt32(byte)
    for _ in 0..<8 { remainder = remainder & 1 == 1 ? remainder >> 1 ^ 0xEDB8_8320 : remainder >> 1 }
  }
  return ~remainder
}

/// The bytes that base64 text stands for; characters outside the alphabet are skipped.
func decodeBase64(_ text: String) -> [UInt8] {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  var result: [UInt8] = []
  var bits: UInt32 = 0
  var count = 0
  for character in text.utf8 {
    guard let value = alphabet.firstIndex(of: character) else { continue }
    bits = bits << 6 | UInt32(value)
    count += 6
    if count >= 8 {
      count -= 8
      result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
    }
  }
  return result
}

/// A folder of its own for one test, removed when the value goes away.
final class TemporaryFolder {
  let path: String

  init() throws {
    var template = Array("/tmp/surety-inputs-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw CannotWrite(path: "/tmp") }
    path = String(cString: made)
  }

  /// Writes a file, making folders on the way, and returns its path.
  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    var folder = path
    for part in name.split(separator: "/").dropLast() {
      folder += "/\(part)"
      mkdir(folder, 0o755)
    }
    let full = "\(path)/\(name)"
    guard let file = fopen(full, "wb") else { throw CannotWrite(path: full) }
    defer { fclose(file) }
    fwrite(bytes, 1, bytes.count, file)
    return full
  }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }

  deinit { Self.remove(path) }

  private static func remove(_ path: String) {
    if let folder = opendir(path) {
      var names: [String] = []
      while let entry = readdir(folder) {
        names.append(
          withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
          })
      }
      closedir(folder)
      for name in names where name != "." && name != ".." { remove("\(path)/\(name)") }
      rmdir(path)
    } else {
      unlink(path)
    }
  }
}

/// `bytes` cut off, or with some bytes changed, inserted or removed, as the generator decides.
func mutated(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
  var result = bytes
  if Int.random(in: 0..<4, using: &generator) == 0 {
    result.removeLast(Int.random(in: 0..<bytes.count, using: &generator))
    return result
  }
  for _ in 0..<Int.random(in: 1...6, using: &generator) where !result.isEmpty {
    // Headers matter most: half of the places are in the first 64 bytes.
    let limit = Bool.random(using: &generator) ? min(64, result.count) : result.count
    let place = Int.random(in: 0..<limit, using: &generator)
    switch Int.random(in: 0..<4, using: &generator) {
    case 0: result[place] = UInt8.random(in: 0...255, using: &generator)
    case 1: result[place] ^= 1 << UInt8.random(in: 0...7, using: &generator)
    case 2: result.insert(UInt8.random(in: 0...255, using: &generator), at: place)
    default: result.remove(at: place)
    }
  }
  return result
}

/// The text of the error that `body` throws, or nil.
func errorText(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch {
    return "\(error)"
  }
}

/// A test's own file could not be written.
struct CannotWrite: Error {
  let path: String
}
