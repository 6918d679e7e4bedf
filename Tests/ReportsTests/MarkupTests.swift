import Reports
import Testing

/// Why a text is no balanced markup, or nil: every tag is closed in order, no attribute holds "<", no bare "&".
func imbalance(_ markup: String) -> String? {
  var open: [String] = []
  var rest = Substring(markup)
  while let start = rest.firstIndex(of: "<") {
    if rest[..<start].contains(">") { return "stray > before <\(rest[start...].prefix(40))" }
    guard let end = rest[start...].firstIndex(of: ">") else { return "unclosed tag \(rest[start...].prefix(40))" }
    let tag = rest[rest.index(after: start)..<end]
    rest = rest[rest.index(after: end)...]
    if tag.hasPrefix("!") { continue }
    if tag.contains("<") { return "< inside of <\(tag)>" }
    if tag.filter({ $0 == "\"" }).count % 2 != 0 { return "odd quotes in <\(tag)>" }
    let name = String(tag.drop { $0 == "/" }.prefix { !$0.isWhitespace && $0 != "/" })
    if tag.hasSuffix("/") { continue }
    if tag.hasPrefix("/") {
      guard open.popLast() == name else { return "</\(name)> closes nothing that is open" }
    } else {
      open.append(name)
    }
  }
  for piece in markup.split(separator: "&", omittingEmptySubsequences: false).dropFirst() {
    if !["amp;", "lt;", "gt;", "quot;", "#39;"].contains(where: piece.hasPrefix) {
      return "bare & before \(piece.prefix(20))"
    }
  }
  return open.isEmpty ? nil : "not closed: \(open)"
}

/// All `svg` elements of a page.
func drawings(_ page: String) -> [String] {
  page.split(separator: "<svg").dropFirst().compactMap { part in
    part.split(separator: "</svg>").first.map { "<svg" + $0 + "</svg>" }
  }
}

extension String {
  /// Whether another text occurs in this one.
  func has(_ part: String) -> Bool { count(of: part) > 0 }
  /// How often another text occurs in this one, without overlaps.
  func count(of part: String) -> Int { split(separator: part, omittingEmptySubsequences: false).count - 1 }
}

@Suite struct MarkupTests {
  @Test func interpolatedTextIsEscapedAndLiteralsAreNot() {
    let text = #"<b onclick="x">'&'</b>"#
    let markup: Markup = "<i title=\"\(text)\">\(text)</i>"
    let escaped = "&lt;b onclick=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/b&gt;"
    #expect(markup.source == "<i title=\"\(escaped)\">\(escaped)</i>")
  }

  @Test func markupIsInterpolatedOnceAndNumbersAsNumbers() {
    let inner: Markup = "<b>\("&")</b>"
    let outer: Markup = "<p>\(inner)\(7) \(1.005e1) \([inner, inner])</p>"
    #expect(outer.source == "<p><b>&amp;</b>7 10.05 <b>&amp;</b><b>&amp;</b></p>")
  }

  @Test func charactersThatHideOrReverseTextAreReplaced() {
    #expect(Markup.escape("a\u{0}b\u{1B}[2J\u{202E}gpj\u{2066}") == "a\u{FFFD}b\u{FFFD}[2J\u{FFFD}gpj\u{FFFD}")
    #expect(Markup.escape("größe 狗 \u{1F415}\n\t") == "größe 狗 \u{1F415}\n\t")
  }

  @Test func theBalanceCheckFindsFaults() {
    #expect(imbalance("<a><b/></a>") == nil)
    #expect(imbalance("<a><b></a>") != nil)
    #expect(imbalance("<a>") != nil)
    #expect(imbalance("<a x=\"<\"></a>") != nil)
    #expect(imbalance("<a>1 & 2</a>") != nil)
    #expect(imbalance("<a>1 > 2</a>") != nil)
  }
}
