// The kernel text that the binary carries.

import Compute
import Hashing
import KernelSources

/// The kernel files below Kernels/.
package enum KernelText {
  /// The text of a file with the prelude in front and its `#include` lines replaced by the files that they name, or an
  /// error for a name that does not exist.
  package static func program(_ source: String) throws(DeviceError) -> String {
    try file("prelude.cl") + "\n#line 1 \"\(source)\"\n" + expanded(source)
  }

  private static func file(_ path: String) throws(DeviceError) -> String {
    guard let text = surety_kernel_source(path) else {
      throw .unsupported("there is no kernel file \(path) in this build")
    }
    return String(cString: text)
  }

  private static func expanded(_ path: String) throws(DeviceError) -> String {
    let directive = "#include \""
    var lines: [String] = []
    for (index, line) in try file(path).split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if line.hasPrefix(directive), line.hasSuffix("\"") {
        let name = String(line.dropFirst(directive.count).dropLast())
        lines += ["#line 1 \"\(name)\"", try expanded(name), "#line \(index + 2) \"\(path)\""]
      } else {
        lines.append(String(line))
      }
    }
    return lines.joined(separator: "\n")
  }

  /// SHA-256 of all kernel files: part of a classifier's identity.
  static let digest: String = {
    let hash = SHA256()
    var index: UInt32 = 0
    while let path = surety_kernel_path(index), let text = surety_kernel_source(path) {
      hash.update(String(cString: path) + "\n")
      hash.update(String(cString: text) + "\n")
      index += 1
    }
    return hexadecimal(hash.finish())
  }()
}
