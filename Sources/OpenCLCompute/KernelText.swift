// The kernel text that the binary carries.

import Compute
import Hashing
import KernelSources

/// The kernel files below Kernels/.
enum KernelText {
  /// The text of a file with the prelude in front, or an error for a name that does not exist.
  static func program(_ source: String) throws(DeviceError) -> String {
    guard let prelude = surety_kernel_source("prelude.cl"), let text = surety_kernel_source(source) else {
      throw .unsupported("there is no kernel file \(source) in this build")
    }
    return String(cString: prelude) + "\n#line 1 \"\(source)\"\n" + String(cString: text)
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
