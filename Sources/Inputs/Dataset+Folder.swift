// Folders of JPEG and PNG files.
//
// ImageFolder layout (torchvision): each folder directly below is a class, classes are numbered in the order of their
// names' bytes, images lie anywhere below their class folder. Flat layout: the images themselves, labels from a CSV.

/// Image files below a folder.
private struct FolderSource: DatasetSource {
  struct File {
    /// Relative to the folder.
    let name: String
    let size: Int
  }
  let folder: String
  let files: [File]

  var count: Int { files.count }
  var summary: String { "\(count) image\(count == 1 ? "" : "s") in a folder" }
  func name(_ index: Int) -> String { files[index].name }
  func size(_ index: Int) -> Int { files[index].size }
  func load(_ index: Int) throws(InputError) -> Dataset.Item {
    .image(try ImageDecoder.decode(contentsOf: "\(folder)/\(files[index].name)", name: files[index].name))
  }
}

extension Dataset {
  private static let deepestFolder = 16

  static func isImageName(_ lowercasedName: String) -> Bool {
    [".jpg", ".jpeg", ".png"].contains { lowercasedName.hasSuffix($0) }
  }

  static func openSingleImage(_ path: String, labels labelsPath: String?) throws(InputError) -> Dataset {
    let name = FileBytes.lastComponent(path)
    let folder = path.hasPrefix("/") || path.contains("/") ? String(path.dropLast(name.count + 1)) : "."
    let file = FolderSource.File(name: name, size: FileBytes.regularFileSize(path) ?? 0)
    let source = FolderSource(folder: folder, files: [file])
    var labels: [Int]?
    if let labelsPath {
      let table = try LabelTable(contentsOf: labelsPath)
      labels = try table.labels(forFiles: [name], mayNameOthers: true)
    }
    return Dataset(path: path, source: source, labels: labels)
  }

  static func openFolder(_ path: String, labels labelsPath: String?) throws(InputError) -> Dataset {
    var top: [FolderSource.File] = []
    var classes: [(name: String, files: [FolderSource.File])] = []
    for name in try FileBytes.namesInFolder(path) {
      if FileBytes.isFolder("\(path)/\(name)") {
        classes.append((name, try imageFiles(in: path, below: name, depth: 1)))
      } else if isImageName(name.lowercased()), let size = FileBytes.regularFileSize("\(path)/\(name)") {
        top.append(.init(name: name, size: size))
      }
    }
    let nested = classes.flatMap(\.files)
    guard !top.isEmpty || !nested.isEmpty else {
      throw .malformed(path: path, reason: "the folder holds no .jpg, .jpeg or .png files")
    }
    if let labelsPath {
      let files = (top + nested).sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
      let table = try LabelTable(contentsOf: labelsPath)
      let labels = try table.labels(forFiles: files.map(\.name), mayNameOthers: false)
      return Dataset(path: path, source: FolderSource(folder: path, files: files), labels: labels)
    }
    if nested.isEmpty {
      return Dataset(path: path, source: FolderSource(folder: path, files: top), labels: nil)
    }
    if let stray = top.first {
      throw .malformed(
        path: path,
        reason: "\(stray.name) lies beside class folders, so its class is unknown; move it, or give labels as a CSV")
    }
    var labels: [Int] = []
    for (index, folder) in classes.enumerated() {
      guard !folder.files.isEmpty else {
        throw .malformed(
          path: path,
          reason: "the class folder \(folder.name) holds no images; remove it, which renumbers the classes after it")
      }
      labels += [Int](repeating: index, count: folder.files.count)
    }
    return Dataset(
      path: path, source: FolderSource(folder: path, files: nested), labels: labels, classFolders: classes.map(\.name))
  }

  /// Image files in `root`/`folder` and below, sorted by their relative paths' bytes.
  private static func imageFiles(
    in root: String, below folder: String, depth: Int
  ) throws(InputError) -> [FolderSource.File] {
    guard depth <= deepestFolder else {
      throw .malformed(path: "\(root)/\(folder)", reason: "folders are nested more than \(deepestFolder) deep")
    }
    var files: [FolderSource.File] = []
    for name in try FileBytes.namesInFolder("\(root)/\(folder)") {
      let relative = "\(folder)/\(name)"
      if FileBytes.isFolder("\(root)/\(relative)") {
        files += try imageFiles(in: root, below: relative, depth: depth + 1)
      } else if isImageName(name.lowercased()), let size = FileBytes.regularFileSize("\(root)/\(relative)") {
        files.append(.init(name: relative, size: size))
      }
    }
    return files.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }
}
