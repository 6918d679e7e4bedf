// A list of inputs with optional labels, read lazily, always in the same order.
//
// `--data PATH` names: a folder of JPEG/PNG images (ImageFolder layout or flat), one image file, a .npy or .npz file,
// a CIFAR-10 or CIFAR-100 binary (.bin), or MNIST's idx (also .gz).

/// Where a data set's items come from.
protocol DatasetSource: Sendable {
  var count: Int { get }
  /// What the source is, in a few words for the user.
  var summary: String { get }
  func name(_ index: Int) -> String
  /// Bytes of storage of one item, part of the list's digest.
  func size(_ index: Int) -> Int
  func load(_ index: Int) throws(InputError) -> Dataset.Item
}

/// Inputs to certify. Values are immutable and may be used from several threads at once.
public struct Dataset: Sendable {
  /// One input.
  public enum Item: Sendable, Equatable {
    case image(Image8)
    /// Floats in row-major order, without a batch dimension.
    case floats(shape: [Int], values: [Float])
  }

  /// The path as it was given.
  public let path: String
  /// Names of the class folders in ImageFolder layout, by class index.
  public let classFolders: [String]?
  private let source: any DatasetSource
  private let labels: [Int]?

  init(path: String, source: any DatasetSource, labels: [Int]?, classFolders: [String]? = nil) {
    self.path = path
    self.source = source
    self.labels = labels
    self.classFolders = classFolders
  }

  /// Opens a data set; nothing is decoded yet.
  ///
  /// `labels` is a CSV (columns by header, see `LabelTable`), or for arrays also a .npy of integers or an idx1 file; it
  /// takes the place of labels that the data brings along. An empty data set, a file that the labels name and the
  /// folder lacks, and an image without a label are errors.
  public static func open(path: String, labels labelsPath: String? = nil) throws(InputError) -> Dataset {
    let lower = path.lowercased()
    let dataset: Dataset
    if FileBytes.isFolder(path) {
      dataset = try openFolder(path, labels: labelsPath)
    } else if FileBytes.regularFileSize(path) == nil {
      throw .unreadable(path: path, reason: "there is no such file or folder")
    } else if isImageName(lower) {
      dataset = try openSingleImage(path, labels: labelsPath)
    } else if lower.hasSuffix(".npy") {
      dataset = try openArray(path, labels: labelsPath)
    } else if lower.hasSuffix(".npz") {
      dataset = try openArchive(path, labels: labelsPath)
    } else if lower.hasSuffix(".bin") {
      dataset = try openCIFAR(path, labels: labelsPath)
    } else if lower.hasSuffix("ubyte") || lower.hasSuffix("ubyte.gz") || lower.hasSuffix(".idx") {
      dataset = try openIDX(path, labels: labelsPath)
    } else {
      throw .malformed(
        path: path,
        reason: "its kind is unknown; data is a folder of JPEG/PNG files, .npy, .npz, CIFAR .bin or MNIST -ubyte(.gz)")
    }
    guard dataset.count > 0 else { throw .malformed(path: path, reason: "it holds no inputs") }
    return dataset
  }

  public var count: Int { source.count }

  /// What the data is, for the user: "200 images in a folder", for example.
  public var summary: String { source.summary }

  public var hasLabels: Bool { labels != nil }

  /// A name that identifies the item inside the data set: the path below the folder, or FILE[INDEX].
  /// - Precondition: the index lies in 0..<count; so for the other accessors.
  public func name(_ index: Int) -> String { source.name(index) }

  public func label(_ index: Int) -> Int? { labels?[index] }

  /// Reads and decodes one item. Damage is an error that names it (`InputError.concernsOneImage` for images).
  public func load(_ index: Int) throws(InputError) -> Item { try source.load(index) }

  /// The largest label, for checks against a model's class count.
  public var largestLabel: Int? { labels?.max() }

  /// Bytes that describe the list: one line `name TAB size TAB label LF` per item, label "-" where there is none. The
  /// same list gives the same bytes wherever the folder lies; contents are not in it, each image has its own hash.
  public var listDigestInput: [UInt8] {
    var result: [UInt8] = []
    for index in 0..<count {
      let label = label(index).map(String.init) ?? "-"
      result += Array("\(name(index))\t\(source.size(index))\t\(label)\n".utf8)
    }
    return result
  }
}
