import CCrypto

/// A SHA-256 digest in progress (FIPS 180-4, computed by libcrypto).
///
/// Files, images, tables, configurations and vote bitmaps are named by such digests in certificates.
package struct SHA256 {
  private let context: Context

  package init() { context = Context() }

  /// Appends bytes. Not to be called after `finish`.
  package func update(_ bytes: UnsafeRawBufferPointer) {
    precondition(EVP_DigestUpdate(context.pointer, bytes.baseAddress, bytes.count) == 1)
  }

  package func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

  package func update(_ text: String) { update(Array(text.utf8)) }

  /// The 32 bytes of the digest.
  package func finish() -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    var length: UInt32 = 0
    precondition(EVP_DigestFinal_ex(context.pointer, &digest, &length) == 1 && length == 32)
    return digest
  }

  /// The digest of a byte sequence.
  package static func digest(_ bytes: [UInt8]) -> [UInt8] {
    let hash = SHA256()
    hash.update(bytes)
    return hash.finish()
  }

  /// The digest in lower-case hexadecimal.
  package static func text(_ bytes: [UInt8]) -> String { hexadecimal(digest(bytes)) }

  private final class Context {
    let pointer: OpaquePointer

    init() {
      pointer = EVP_MD_CTX_new()
      precondition(EVP_DigestInit_ex(pointer, EVP_sha256(), nil) == 1)
    }

    deinit { EVP_MD_CTX_free(pointer) }
  }
}

/// Bytes as lower-case hexadecimal.
package func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  for byte in bytes {
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 15)])
  }
  return String(decoding: text, as: UTF8.self)
}

/// The bytes of a hexadecimal text, or nil if it is none.
package func bytes(hexadecimal text: String) -> [UInt8]? {
  let digits = Array(text.utf8)
  guard digits.count.isMultiple(of: 2) else { return nil }
  func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }
  var result: [UInt8] = []
  for index in stride(from: 0, to: digits.count, by: 2) {
    guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
    result.append(high << 4 | low)
  }
  return result
}
