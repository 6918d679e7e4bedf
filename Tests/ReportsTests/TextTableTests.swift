import Reports
import Testing

@Suite struct TextTableTests {
  @Test func numbersStandOnTheRightAndWordsOnTheLeft() {
    var table = TextTable(["device", "samples/s", "memory", "share"])
    table.append(["CPU", "179.2", "16 GiB", "9.5 %"])
    table.append(["NVIDIA H100", "38,000", "–", "100.0 %"])
    #expect(
      table.lines == [
        "device       samples/s  memory    share",
        "-----------  ---------  ------  -------",
        "CPU              179.2  16 GiB    9.5 %",
        "NVIDIA H100     38,000       –  100.0 %",
      ])
  }

  @Test func hashesAndVersionsAreWords() {
    var table = TextTable(["hash", "time"])
    table.append(["e3b0c442", "1.5e-3 s"])
    table.append(["ff", "12x"])
    #expect(table.lines[2] == "e3b0c442  1.5e-3 s")
    #expect(table.lines[3] == "ff             12x")
  }

  @Test func alignmentCanBeForced() {
    var table = TextTable(["a", "bbb"], alignment: [.right, .left])
    table.append(["x", "1"])
    table.append(["xyz", "2"])
    #expect(table.lines == ["  a  bbb", "---  ---", "  x  1", "xyz  2"])
  }

  @Test func raggedRowsLoseNothing() {
    var table = TextTable(["a"])
    table.append([])
    table.append(["1", "extra"])
    #expect(table.lines == ["a", "-  -----", "", "1  extra"])
    #expect(TextTable().text == "")
  }

  @Test func namesCannotControlTheTerminal() {
    var table = TextTable(["name"])
    table.append(["a\u{1B}[31m\nb\r"])
    #expect(table.lines[2] == "a?[31m?b?")
  }

  @Test func allColumnsBeginInOnePlace() {
    var random = SyntheticRun.Random(state: 7)
    for _ in 0..<100 {
      let columns = Int.random(in: 1...6, using: &random)
      var table = TextTable((0..<columns).map { "t\($0)" })
      for _ in 0..<5 {
        table.append(
          (0..<columns).map { _ in String(repeating: "é", count: Int.random(in: 1...9, using: &random)) })
      }
      let rule = table.lines[1]
      for line in table.lines {
        #expect(line.count <= rule.count)
        for (place, character) in zip(rule, line) where place == " " { #expect(character == " ", "seed 7") }
      }
    }
  }
}
