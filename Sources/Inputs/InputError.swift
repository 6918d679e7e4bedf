// What can go wrong between a path on the command line and the numbers a model eats.

/// An error of reading inputs. `description` is a full sentence that names the file and the next step.
public enum InputError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file or folder could not be opened or read at all.
  case unreadable(path: String, reason: String)
  /// One image does not decode; the run may go on without it (`--skip-bad`).
  case undecodable(name: String, reason: String)
  /// An array, archive or data set file is damaged or of an unknown kind.
  case malformed(path: String, reason: String)
  /// Labels or class names do not fit the data.
  case labels(path: String, reason: String)
  /// The preprocessing description is wrong or does not fit the image.
  case preprocessing(reason: String)
  /// The image does not fit the model's input. Image shape is [height, width, channels].
  case shapes(model: [Int], image: [Int], reason: String)

  /// True where only one image of a data set is affected, so that `--skip-bad` may pass over it.
  public var concernsOneImage: Bool {
    if case .undecodable = self { return true }
    return false
  }

  public var description: String {
    switch self {
    case .unreadable(let path, let reason):
      return "\(path) cannot be read: \(reason)."
    case .undecodable(let name, let reason):
      return "The image \(name) does not decode: \(reason). Repair or remove it, or pass over it with --skip-bad."
    case .malformed(let path, let reason):
      return "\(path) is not usable: \(reason)."
    case .labels(let path, let reason):
      return "The labels in \(path) do not fit: \(reason)."
    case .preprocessing(let reason):
      return "Preprocessing: \(reason)."
    case .shapes(let model, let image, let reason):
      return "The model's input has shape \(model) (without batch), the image has shape \(image) "
        + "(height, width, channels): \(reason)."
    }
  }
}
