// What can go wrong between a model file and a graph.

import Graphs

/// Why a model file cannot be used, as a sentence that names the file and the next step.
public enum ImportError: Error, CustomStringConvertible, Sendable {
  /// The file or a file beside it cannot be read.
  case unreadable(String)
  /// The file is not a usable ONNX file.
  case malformed(path: String, reason: String)
  /// The network in it is not supported or not consistent.
  case graph(path: String, GraphError)

  public var description: String {
    switch self {
    case .unreadable(let text): text
    case .malformed(let path, let reason): "\(path) is not a usable ONNX model: \(reason)."
    case .graph(let path, let error): "\(path): \(error.description)"
    }
  }
}
