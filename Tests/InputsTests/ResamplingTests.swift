// Resizing gives Pillow's bytes.

import Inputs
import TestSupport
import Testing

/// A picture whose value number i is ((31 i^2 + 7 i + 11 floor(i / 8)) >> 2) mod 256; Python made the same one.
func patternImage(width: Int, height: Int, channels: Int) -> Image8 {
  let pixels = (0..<width * height * channels).map { i in
    UInt8(truncatingIfNeeded: (i * i * 31 + i * 7 + (i >> 3) * 11) >> 2)
  }
  return Image8(width: width, height: height, channels: channels, pixels: pixels)
}

@Suite struct ResamplingTests {
  struct Case: Sendable {
    let from: [Int]
    let to: [Int]
    let bilinear: UInt32
    let bicubic: UInt32
  }

  /// CRC-32 of `Image.resize(...)` of Pillow 12 and 13 for the pattern image; from [width, height, channels].
  static let cases: [Case] = [
    Case(from: [40, 30, 3], to: [23, 17], bilinear: 3_803_552_660, bicubic: 3_545_338_627),
    Case(from: [40, 30, 1], to: [23, 17], bilinear: 821_182_499, bicubic: 2_999_181_376),
    Case(from: [20, 15, 3], to: [47, 40], bilinear: 1_518_024_953, bicubic: 1_636_404_705),
    Case(from: [33, 50, 3], to: [33, 20], bilinear: 157_745_463, bicubic: 2_906_110_832),
    Case(from: [33, 50, 1], to: [60, 50], bilinear: 1_550_811_717, bicubic: 813_291_113),
    Case(from: [64, 3, 3], to: [5, 9], bilinear: 3_496_607_148, bicubic: 3_971_949_474),
    Case(from: [1, 1, 3], to: [4, 3], bilinear: 1_613_650_619, bicubic: 1_613_650_619),
    Case(from: [100, 75, 3], to: [7, 5], bilinear: 1_096_023_403, bicubic: 3_944_434_435),
  ]

  @Test(arguments: cases)
  func bytesAreThoseOfPillow(_ sample: Case) {
    let image = patternImage(width: sample.from[0], height: sample.from[1], channels: sample.from[2])
    let bilinear = image.resized(toWidth: sample.to[0], height: sample.to[1], interpolation: .bilinear)
    let bicubic = image.resized(toWidth: sample.to[0], height: sample.to[1], interpolation: .bicubic)
    #expect(crc32(bilinear.pixels) == sample.bilinear)
    #expect(crc32(bicubic.pixels) == sample.bicubic)
  }

  @Test func aWindowEqualsTheSamePartOfTheWhole() {
    let seed: UInt64 = 4
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<40 {
      let channels = Bool.random(using: &generator) ? 3 : 1
      let image = patternImage(
        width: .random(in: 1...40, using: &generator), height: .random(in: 1...40, using: &generator),
        channels: channels)
      let (width, height) = (Int.random(in: 1...50, using: &generator), Int.random(in: 1...50, using: &generator))
      let left = Int.random(in: 0..<width, using: &generator)
      let columns = left..<Int.random(in: left + 1...width, using: &generator)
      let top = Int.random(in: 0..<height, using: &generator)
      let rows = top..<Int.random(in: top + 1...height, using: &generator)
      let interpolation: Interpolation = Bool.random(using: &generator) ? .bilinear : .bicubic
      let whole = image.resized(toWidth: width, height: height, interpolation: interpolation)
      let part = image.resized(
        toWidth: width, height: height, interpolation: interpolation, columns: columns, rows: rows)
      var expected: [UInt8] = []
      for row in rows {
        for column in columns {
          for channel in 0..<channels { expected.append(whole[row, column, channel]) }
        }
      }
      #expect(part.pixels == expected, "seed \(seed), \(image.shape) to \(height) x \(width)")
    }
  }

  @Test func theSameSizeGivesTheSamePicture() {
    let image = patternImage(width: 9, height: 7, channels: 3)
    #expect(image.resized(toWidth: 9, height: 7, interpolation: .bicubic) == image)
  }
}

@Suite(.enabled(if: TestData.isAvailable("imagenet/crops_24.npz"), "the data folder is missing"))
struct ImageNetCropTests {
  /// Done-when of the foundation: within one level. libjpeg-turbo 2.1 and Pillow's 3.x decode alike, so it is exact.
  @Test func the24CropsComeOutOfTheJPEGsExactly() throws {
    let archive = try NumPyArchive(path: TestData.path("imagenet/crops_24.npz"))
    let crops = try archive.array("images")
    #expect(crops.shape == [24, 224, 224, 3])
    let files = String(decoding: try TestData.bytes(TestData.path("imagenet/crops_24_files.json")), as: UTF8.self)
      .split(separator: "\"").map(String.init).filter { $0.hasSuffix(".JPEG") }
    try #require(files.count == 24)
    let preprocessing = try #require(Preprocessing.named("efficientnet-lite"))
    let size = 224 * 224 * 3
    let expected = try crops.bytes()
    for (index, file) in files.enumerated() {
      let image = try ImageDecoder.decode(contentsOf: TestData.path("imagenet/images/\(file)"), name: file)
      let crop = try preprocessing.apply(to: image)
      try #require(crop.shape == [224, 224, 3])
      let differences = zip(crop.pixels, expected[index * size..<(index + 1) * size]).map { abs(Int($0) - Int($1)) }
      #expect(differences.max() == 0, "\(file)")
    }
  }

  @Test func all200PhotographsDecodeToTheSizeInTheirTable() throws {
    let table = try CSVTable(contentsOf: TestData.path("imagenet/labels.csv"))
    let file = try #require(table.column(["file"]))
    let width = try #require(table.column(["width"]))
    let height = try #require(table.column(["height"]))
    let mode = try #require(table.column(["mode"]))
    #expect(table.rows.count == 200)
    let clock = ContinuousClock()
    var slowest = Duration.zero
    for row in table.rows {
      let start = clock.now
      let image = try ImageDecoder.decode(contentsOf: TestData.path("imagenet/images/\(row[file])"))
      _ = try Preprocessing.named("imagenet")!.apply(to: image)
      slowest = max(slowest, clock.now - start)
      #expect(String(image.width) == row[width] && String(image.height) == row[height], "\(row[file])")
      #expect(image.channels == (row[mode] == "L" ? 1 : 3), "\(row[file])")
    }
    // A few milliseconds each; the bound leaves room for a busy machine.
    #expect(slowest < .milliseconds(500))
  }
}
