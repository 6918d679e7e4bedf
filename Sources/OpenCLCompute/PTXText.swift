// Changes to the PTX text that NVIDIA's OpenCL compiler makes of a program, before it is loaded as a binary.
//
// wgmma needs the target sm_90a, which no build option names; so kernels carry it as comments behind "//@ ", and here
// the target is renamed and the comments become instructions (prototypes/convolution, section 6).

import Compute

/// PTX of one program.
package enum PTXText {
  /// What stands before an instruction of the architecture's own.
  static var marker: String { "//@ " }

  /// The text after an edit, or nil where it has no place for it: a program that lacks its instructions computes zeros,
  /// so it must never run.
  package static func edited(_ text: String, _ edit: ProgramEdit) -> String? {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if edit.usesArchitecture {
      let target = ".target sm_90"
      let targets = lines.indices.filter {
        words(lines[$0]).hasPrefix(target) && !words(lines[$0]).hasPrefix(target + "a")
      }
      let marked = lines.indices.filter { lines[$0].contains(marker) }
      guard targets.count == 1, !marked.isEmpty else { return nil }
      lines[targets[0]].replace(target, with: target + "a", maxReplacements: 1)
      for index in marked {
        // Only white space may stand before the marker: anything else is no comment of ours.
        guard words(lines[index]).hasPrefix(marker) else { return nil }
        lines[index].replace(marker, with: "", maxReplacements: 1)
      }
    }
    if let groups = edit.groupsPerUnit {
      let places = lines.indices.filter { words(lines[$0]).hasPrefix(".reqntid") }
      guard !places.isEmpty else { return nil }
      for index in places.reversed() { lines.insert(".minnctapersm \(groups)", at: index + 1) }
    }
    return lines.joined(separator: "\n")
  }

  /// A line without the white space before it.
  private static func words(_ line: String) -> Substring { line.drop(while: \.isWhitespace) }
}
