// Data sets: folders, arrays, binaries; labels; order; errors.

import Inputs
import TestSupport
import Testing

@Suite struct DatasetTests {
  private let picture = decodeBase64(ImageFixtures.png.first { $0.name == "colour8" }!.base64)

  private func names(_ dataset: Dataset) -> [String] { (0..<dataset.count).map(dataset.name) }
  private func labels(_ dataset: Dataset) -> [Int?] { (0..<dataset.count).map(dataset.label) }

  @Test func classFoldersGiveLabelsInByteOrder() throws {
    let folder = try TemporaryFolder()
    for name in ["b/2.png", "b/10.PNG", "a-x/deep/1.jpeg", "a-x/z.jpg", "a/1.png", "a/notes.txt", "a/.hidden.png"] {
      try folder.write(name, picture)
    }
    let dataset = try Dataset.open(path: folder.path)
    #expect(names(dataset) == ["a/1.png", "a-x/deep/1.jpeg", "a-x/z.jpg", "b/10.PNG", "b/2.png"])
    #expect(labels(dataset) == [0, 1, 1, 2, 2])
    #expect(dataset.classFolders == ["a", "a-x", "b"])
    #expect(dataset.largestLabel == 2)
    guard case .image(let image) = try dataset.load(1) else {
      Issue.record("a folder gives images")
      return
    }
    #expect(image.shape == [9, 11, 3])
    let digest = String(decoding: dataset.listDigestInput, as: UTF8.self)
    #expect(digest.hasPrefix("a/1.png\t\(picture.count)\t0\na-x/deep/1.jpeg\t"))

    try folder.write("stray.png", picture)
    #expect(errorText { _ = try Dataset.open(path: folder.path) }?.contains("stray.png") == true)
    let empty = try TemporaryFolder()
    try empty.write("a/1.png", picture)
    try empty.write("b/readme.txt", "none")
    #expect(errorText { _ = try Dataset.open(path: empty.path) }?.contains("folder b ") == true)
  }

  @Test func flatFoldersTakeLabelsFromACSV() throws {
    let folder = try TemporaryFolder()
    let table = try TemporaryFolder()
    for name in ["c.png", "a.png", "b.png"] { try folder.write(name, picture) }
    let plain = try Dataset.open(path: folder.path)
    #expect(names(plain) == ["a.png", "b.png", "c.png"] && !plain.hasLabels && plain.label(0) == nil)
    let csv = try table.write(
      "l.csv", "\u{FEFF}Filename,note,Label\r\nb.png,\"x, \"\"y\"\"\",5\r\nc.png,,0\r\na.png,z,3\r\n")
    let labelled = try Dataset.open(path: folder.path, labels: csv)
    #expect(names(labelled) == ["a.png", "b.png", "c.png"] && labels(labelled) == [3, 5, 0])
    #expect(labelled.listDigestInput != plain.listDigestInput)

    let cases: [(text: String, hint: String)] = [
      ("file,label\na.png,1\nb.png,2\n", "first c.png"),
      ("file,label\na.png,1\nb.png,2\nc.png,1\nd.png,1\n", "not on disk, first d.png"),
      ("file,label\na.png,1\na.png,2\nc.png,1\n", "a.png is named twice"),
      ("file,label\na.png,cat\nb.png,2\nc.png,1\n", "\"cat\""),
      ("file,label\na.png,-1\nb.png,2\nc.png,1\n", "\"-1\""),
      ("file,label\na.png\n", "row 1 has 1 fields"), ("a,label\na.png,1\n", "column file"),
      ("file,b\na.png,1\n", "column class_index"),
      ("", "empty"), ("file,label\n\"a.png,1\n", "quoted"),
    ]
    for (text, hint) in cases {
      let path = try table.write("bad.csv", text)
      let error = errorText { _ = try Dataset.open(path: folder.path, labels: path) }
      #expect(error?.contains(hint) == true, "\(text): \(error ?? "accepted")")
    }
  }

  @Test func oneImageFileIsADataSet() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("x.png", picture)
    let csv = try folder.write("l.csv", "file,class_index\ny.png,1\nx.png,4\n")
    let dataset = try Dataset.open(path: path, labels: csv)
    #expect(names(dataset) == ["x.png"] && labels(dataset) == [4])
    _ = try dataset.load(0)
  }

  @Test func anUnreadableImageIsAnErrorAboutOneImage() throws {
    let folder = try TemporaryFolder()
    try folder.write("a.png", picture)
    try folder.write("b.png", Array(picture.dropLast(40)))
    let dataset = try Dataset.open(path: folder.path)
    _ = try dataset.load(0)
    do throws(InputError) {
      _ = try dataset.load(1)
      Issue.record("a truncated image was decoded")
    } catch {
      #expect(error.concernsOneImage && "\(error)".contains("b.png") && "\(error)".contains("--skip-bad"))
    }
  }

  @Test func unknownMissingAndEmptyDataAreErrors() throws {
    let folder = try TemporaryFolder()
    #expect(errorText { _ = try Dataset.open(path: folder.path) }?.contains("holds no .jpg") == true)
    #expect(errorText { _ = try Dataset.open(path: folder.path + "/no") }?.contains("no such file") == true)
    let text = try folder.write("a.txt", "x")
    #expect(errorText { _ = try Dataset.open(path: text) }?.contains("kind is unknown") == true)
    let empty = try folder.write("e.npy", NumPyArray(shape: [0, 28, 28], bytes: []).npyBytes)
    #expect(errorText { _ = try Dataset.open(path: empty) }?.contains("holds no inputs") == true)
  }

  @Test func arraysGiveImagesOrFloats() throws {
    let folder = try TemporaryFolder()
    let values = (0..<72).map { UInt8($0) }
    func open(_ array: NumPyArray, labels: String? = nil) throws -> Dataset {
      try Dataset.open(path: folder.write("x.npy", array.npyBytes), labels: labels)
    }
    // [N, H, W, C] keeps its order.
    let interleaved = try open(NumPyArray(shape: [2, 4, 3, 3], bytes: values))
    #expect(interleaved.count == 2 && interleaved.name(1) == "x.npy[1]")
    #expect(try interleaved.load(1) == .image(Image8(width: 3, height: 4, channels: 3, pixels: Array(36..<72))))
    // [N, C, H, W]: pixel (row 0, column 1) of item 0 is values 1, 13 and 25.
    guard case .image(let planar) = try open(NumPyArray(shape: [2, 3, 3, 4], bytes: values)).load(0) else {
      Issue.record("no image")
      return
    }
    #expect(planar.shape == [3, 4, 3] && Array(planar.pixels[3..<6]) == [1, 13, 25])
    let grey = try open(
      NumPyArray(shape: [6, 3, 4], bytes: values), labels: folder.write("l.csv", "label\n5\n4\n3\n2\n1\n0\n"))
    #expect(labels(grey) == [5, 4, 3, 2, 1, 0])
    #expect(try grey.load(2) == .image(Image8(width: 4, height: 3, channels: 1, pixels: Array(24..<36))))
    // Other integer types are pixels where they lie in 0...255.
    let wide = try open(NumPyArray(shape: [1, 1, 2], integers: [3, 255]))
    #expect(try wide.load(0) == .image(Image8(width: 2, height: 1, channels: 1, pixels: [3, 255])))
    #expect(
      errorText { _ = try open(NumPyArray(shape: [1, 1, 2], integers: [3, 256])).load(0) }?.contains("256") == true)
    let floats = try open(NumPyArray(shape: [2, 3], floats: [1, 2, 3, 4, 5, 6]))
    #expect(try floats.load(1) == .floats(shape: [3], values: [4, 5, 6]))
    for shape in [[72], [2, 36], [1, 3, 8, 3], [2, 2, 3, 6], [1, 2, 2, 2, 9]] {
      #expect(throws: InputError.self, "\(shape)") { _ = try open(NumPyArray(shape: shape, bytes: values)) }
    }
    let fortran = try Dataset.open(path: folder.write("f.npy", decodeBase64(ArrayFixtures.fortranOrder)))
    #expect(try fortran.load(1) == .image(Image8(width: 4, height: 3, channels: 1, pixels: Array(12..<24))))
    let archive = try Dataset.open(path: folder.write("a.npz", decodeBase64(ArrayFixtures.compressedArchive)))
    #expect(labels(archive) == [7, 3])
    #expect(try archive.load(1) == interleaved.load(1))
    let stored = try Dataset.open(path: folder.write("b.npz", decodeBase64(ArrayFixtures.storedArchive)))
    #expect(try stored.load(0) == .floats(shape: [1, 2], values: [0.5, -1.25]) && !stored.hasLabels)
    for text in ["label\n1\n", "row,label\n0,1\n0,2\n", "row,label\n0,1\n7,2\n"] {
      let csv = try folder.write("bad.csv", text)
      #expect(throws: InputError.self, "\(text)") { try Dataset.open(path: folder.path + "/a.npz", labels: csv) }
    }
  }

  @Test func idxFilesFindTheirLabels() throws {
    let folder = try TemporaryFolder()
    let images = ArrayFixtures.idx([2, 2, 3], Array(1...12))
    let path = try folder.write("t10k-images-idx3-ubyte", images)
    #expect(try !Dataset.open(path: path).hasLabels)
    try folder.write("t10k-labels-idx1-ubyte", ArrayFixtures.idx([2], [9, 4]))
    let dataset = try Dataset.open(path: path)
    #expect(labels(dataset) == [9, 4])
    #expect(try dataset.load(1) == .image(Image8(width: 3, height: 2, channels: 1, pixels: Array(7...12))))
    // gzip of idx([1, 1, 2], [5, 6]) by Python.
    let packed = "H4sIAAAAAAACA2Ng4GBmYGBghGImVjYAEWsc9RIAAAA="
    let zipped = try Dataset.open(path: folder.write("x-ubyte.gz", decodeBase64(packed)))
    #expect(try zipped.load(0) == .image(Image8(width: 2, height: 1, channels: 1, pixels: [5, 6])))
    try folder.write("t10k-labels-idx1-ubyte", ArrayFixtures.idx([3], [9, 4, 1]))
    #expect(errorText { _ = try Dataset.open(path: path) }?.contains("3 labels for 2") == true)
  }

  @Test func cifar100KeepsTheFineLabel() throws {
    let folder = try TemporaryFolder()
    let planes = (0..<3072).map { UInt8($0 / 1024 * 50 + $0 % 32) }
    let path = try folder.write("test.bin", [19, 99] + planes + [0, 42] + planes)
    let dataset = try Dataset.open(path: path)
    #expect(labels(dataset) == [99, 42] && dataset.summary.contains("CIFAR-100"))
    guard case .image(let image) = try dataset.load(1) else {
      Issue.record("no image")
      return
    }
    #expect(image[3, 7, 0] == 7 && image[3, 7, 1] == 57 && image[3, 7, 2] == 107)
    #expect(throws: InputError.self) { try Dataset.open(path: folder.write("b.bin", [10] + planes)) }
    #expect(throws: InputError.self) { try Dataset.open(path: folder.write("b.bin", [1] + planes + [0, 0])) }
  }

  @Test func mutatedFilesNeverCrash() throws {
    let seed: UInt64 = 31
    var generator = SeededGenerator(seed: seed)
    let folder = try TemporaryFolder()
    let idx = ArrayFixtures.idx([2, 2, 3], Array(1...12))
    let cifar = [UInt8](repeating: 3, count: 3073)
    let array = NumPyArray(shape: [2, 3, 4], bytes: Array(0..<24)).npyBytes
    for _ in 0..<400 {
      for (name, bytes) in [("a-ubyte", idx), ("a.bin", cifar), ("a.npy", array)] {
        let path = try folder.write(name, mutated(bytes, &generator))
        guard let dataset = try? Dataset.open(path: path) else { continue }
        for index in 0..<min(dataset.count, 4) { _ = try? dataset.load(index) }
      }
      let csv = Array("file,label\na.png,1\n\"b\"\"c.png\",2\n".utf8)
      _ = try? CSVTable(mutated(csv, &generator), path: "fuzz")
      let json = Array(Preprocessing.named("imagenet")!.canonicalText.utf8)
      _ = try? Preprocessing(json: mutated(json, &generator), name: "fuzz")
    }
  }

  @Test func classNamesComeInTheOrderOfTheirIndices() throws {
    let folder = try TemporaryFolder()
    #expect(try ClassNames.read(contentsOf: folder.write("c.csv", "index,name\n1,\"b, c\"\n0,a\n")) == ["a", "b, c"])
    for text in ["index,name\n1,b\n", "index,name\n0,a\n0,b\n", "a,b\n1,2\n"] {
      #expect(throws: InputError.self) { try ClassNames.read(contentsOf: folder.write("c.csv", text)) }
    }
  }

  @Test func prefetchingKeepsTheOrderAndTheErrors() throws {
    for (depth, threads) in [(1, 1), (3, 2), (8, 4)] {
      let squares = Prefetcher(Array(5..<105), depth: depth, threads: threads) { $0 * $0 }
      var seen: [Int] = []
      while let (index, output) = squares.next() {
        #expect(output == index * index)
        seen.append(index)
      }
      #expect(seen == Array(5..<105))
      #expect(squares.next() == nil)
    }
    let folder = try TemporaryFolder()
    try folder.write("a.png", picture)
    try folder.write("b.png", [1, 2, 3])
    let dataset = try Dataset.open(path: folder.path)
    let items = Prefetcher(dataset, indices: [1, 0], depth: 2)
    let first = items.next()
    let second = items.next()
    #expect(first?.index == 1 && (try? first?.output.get()) == nil)
    let expected = try dataset.load(0)
    #expect(second?.index == 0 && (try? second?.output.get()) == expected)
    let idle = Prefetcher(Array(0..<1000), depth: 4) { $0 }
    _ = idle.next()
    idle.cancel()
    #expect(idle.next() == nil)
    #expect(Prefetcher([], depth: 1) { $0 }.next() == nil)
  }
}

@Suite(.enabled(if: TestData.isAvailable("cifar10/cifar10_test_361.bin"), "the data folder is missing"))
struct RealDatasetTests {
  @Test func theCIFARBinaryEqualsTheArchiveOfTheSameImages() throws {
    let binary = try Dataset.open(path: TestData.path("cifar10/cifar10_test_361.bin"))
    let archive = try Dataset.open(path: TestData.path("cifar10/cifar10_test_361.npz"))
    let table = try Dataset.open(
      path: TestData.path("cifar10/cifar10_test_361.npz"), labels: TestData.path("cifar10/cifar10_test_361.csv"))
    #expect(binary.count == 361 && archive.count == 361)
    for index in 0..<361 {
      #expect(try binary.load(index) == archive.load(index), "image \(index)")
      #expect(binary.label(index) == archive.label(index) && table.label(index) == binary.label(index))
    }
  }

  @Test func mnistHasItsPublishedPixelSum() throws {
    let training = try Dataset.open(path: TestData.path("mnist/mnist_train_60000.npz"))
    #expect(training.count == 60000)
    #expect((0..<5).map(training.label) == [5, 0, 4, 1, 9])
    var sum = 0
    for index in 0..<training.count {
      guard case .image(let image) = try training.load(index) else { continue }
      sum += image.pixels.reduce(0) { $0 + Int($1) }
    }
    #expect(sum == 1_567_298_545)
  }

  @Test func theImageNetFolderOpensWithItsLabels() throws {
    let dataset = try Dataset.open(
      path: TestData.path("imagenet/images"), labels: TestData.path("imagenet/labels.csv"))
    #expect(dataset.count == 200)
    #expect(dataset.name(0) == "n01443537_goldfish.JPEG" && dataset.label(0) == 1)
    let names = try ClassNames.read(contentsOf: TestData.path("imagenet/classes.csv"))
    #expect(names.count == 1000 && names[1] == "goldfish, Carassius auratus")
  }
}
