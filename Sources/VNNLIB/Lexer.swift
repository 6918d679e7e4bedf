// The tokens of an S-expression: parentheses and words. Blanks separate, ";" begins a comment to the end of the line.

/// Walks over the bytes of a property; positions are byte offsets, turned into line and column only for an error.
struct Lexer {
  enum Token: Equatable {
    case open, close, word, end
  }

  let bytes: UnsafeBufferPointer<UInt8>
  let path: String
  /// The current token and the bytes it covers.
  private(set) var token = Token.end
  private(set) var start = 0
  private(set) var end = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>, path: String) {
    self.bytes = bytes
    self.path = path
    advance()
  }

  /// The bytes of the current word.
  var word: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(rebasing: bytes[start..<end]) }

  /// The current token's text, cut to a length fit for messages.
  var text: String {
    token == .end
      ? "the end of the text" : "\"\(String(decoding: bytes[start..<min(end, start + 40)], as: UTF8.self))\""
  }

  mutating func advance() {
    var position = end
    let count = bytes.count
    while position < count {
      let byte = bytes[position]
      if byte == UInt8(ascii: ";") {
        while position < count && bytes[position] != UInt8(ascii: "\n") { position += 1 }
      } else if byte > UInt8(ascii: " ") {
        break
      } else {
        position += 1
      }
    }
    start = position
    guard position < count else {
      token = .end
      end = count
      return
    }
    switch bytes[position] {
    case UInt8(ascii: "("):
      token = .open
      position += 1
    case UInt8(ascii: ")"):
      token = .close
      position += 1
    default:
      token = .word
      while position < count && Lexer.isWordByte(bytes[position]) { position += 1 }
    }
    end = position
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    byte > UInt8(ascii: " ") && byte != UInt8(ascii: "(") && byte != UInt8(ascii: ")") && byte != UInt8(ascii: ";")
  }

  /// Whether the current word is `name`.
  func isWord(_ name: StaticString) -> Bool {
    guard token == .word, end - start == name.utf8CodeUnitCount else { return false }
    for index in 0..<(end - start) where bytes[start + index] != name.utf8Start[index] { return false }
    return true
  }

  /// An error at a byte offset.
  func error(at offset: Int, _ reason: String) -> VNNLIBError {
    var line = 1
    var lineStart = 0
    for index in 0..<min(offset, bytes.count) where bytes[index] == UInt8(ascii: "\n") {
      line += 1
      lineStart = index + 1
    }
    return .malformed(path: path, line: line, column: offset - lineStart + 1, reason: reason)
  }
}
