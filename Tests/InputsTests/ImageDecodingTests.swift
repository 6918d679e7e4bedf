// Decoding gives Pillow's pixels, and damage gives an error.

import Inputs
import TestSupport
import Testing

@Suite struct ImageDecodingTests {
  @Test(arguments: ImageFixtures.all)
  func pixelsAreThoseOfPillow(_ fixture: ImageFixture) throws {
    let image = try ImageDecoder.decode(decodeBase64(fixture.base64), name: fixture.name)
    #expect(image.shape == fixture.shape)
    #expect(crc32(image.pixels) == fixture.checksum)
  }

  @Test func truncatedImagesAreErrorsThatNameTheFile() throws {
    for fixture in ImageFixtures.all {
      let bytes = decodeBase64(fixture.base64)
      for count in [0, 1, 8, 20, bytes.count / 2, bytes.count * 3 / 4] {
        let text = errorText { _ = try ImageDecoder.decode(Array(bytes.prefix(count)), name: "folder/picture.x") }
        #expect(text?.contains("folder/picture.x") == true, "\(fixture.name) cut to \(count) bytes")
      }
    }
  }

  @Test func aFileOfAnotherKindIsRefused() {
    let text = errorText { _ = try ImageDecoder.decode(Array("GIF89a....".utf8), name: "a.png") }
    #expect(text?.contains("neither a JPEG nor a PNG") == true)
  }

  @Test func aWrongChecksumInAPNGIsAnError() throws {
    let fixture = try #require(ImageFixtures.png.first { $0.name == "colour8" })
    var bytes = decodeBase64(fixture.base64)
    bytes[bytes.count - 20] ^= 1
    #expect(throws: InputError.self) { _ = try ImageDecoder.decode(bytes, name: "a.png") }
  }

  @Test func bytesAfterTheEndOfAJPEGChangeNothing() throws {
    let fixture = ImageFixtures.jpeg[0]
    let image = try ImageDecoder.decode(decodeBase64(fixture.base64) + [1, 2, 3, 0xFF, 0], name: "a.jpg")
    #expect(crc32(image.pixels) == fixture.checksum)
  }

  @Test func strayBytesBetweenSegmentsOfAJPEGChangeNothing() throws {
    // Two stray bytes before the last marker: libjpeg warns of "extraneous bytes", as for some files of ImageNet.
    let fixture = ImageFixtures.jpeg[0]
    var bytes = decodeBase64(fixture.base64)
    bytes.insert(contentsOf: [0x11, 0x22], at: 20)
    let image = try ImageDecoder.decode(bytes, name: "a.jpg")
    #expect(crc32(image.pixels) == fixture.checksum)
    bytes.removeLast(bytes.count / 4)
    #expect(throws: InputError.self) { _ = try ImageDecoder.decode(bytes, name: "a.jpg") }
  }

  /// A header of 65,535 x 65,535 pixels in a small file must not take gigabytes.
  @Test func announcedSizesAreNotTrusted() throws {
    var jpeg = decodeBase64(ImageFixtures.jpeg[0].base64)
    let frame = try #require(jpeg.indices.dropLast().first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
    for place in frame + 5..<frame + 9 { jpeg[place] = 0xFF }
    #expect(throws: InputError.self) { _ = try ImageDecoder.decode(jpeg, name: "a.jpg") }
    let png = try #require(ImageFixtures.png.first { $0.name == "grey1" })
    var bytes = decodeBase64(png.base64)
    bytes[18] = 0x20  // width 8203
    bytes[22] = 0x20  // height 8201
    let header = Array(bytes[12..<29])
    let checksum = crc32(header)
    for k in 0..<4 { bytes[29 + k] = UInt8(truncatingIfNeeded: checksum >> (24 - 8 * UInt32(k))) }
    let text = errorText { _ = try ImageDecoder.decode(bytes, name: "a.png") }
    #expect(text?.contains("more than the file can hold") == true, "\(text ?? "no error")")
  }

  @Test func mutatedImagesNeverCrash() throws {
    let seed: UInt64 = 20_261_123
    var generator = SeededGenerator(seed: seed)
    var decoded = 0
    var refused = 0
    for round in 0..<60 {
      for fixture in ImageFixtures.all {
        let bytes = mutated(decodeBase64(fixture.base64), &generator)
        do {
          let image = try ImageDecoder.decode(bytes, name: fixture.name)
          #expect(image.pixels.count == image.width * image.height * image.channels, "round \(round), seed \(seed)")
          decoded += 1
        } catch {
          refused += 1
        }
      }
    }
    // Flips in comments and tables of thumbnails are harmless, but most damage must be noticed.
    #expect(refused > decoded, "\(decoded) decoded, \(refused) refused, seed \(seed)")
  }

  @Test func greyIsPillowsLuma() {
    let image = patternImage(width: 40, height: 30, channels: 3)
    #expect(crc32(image.convertedToGrey().pixels) == 3_424_226_869)  // Pillow 12 convert("L")
    // (19595 * 255 + 32768) >> 16 = 76, (38470 * 255 + 32768) >> 16 = 150, (7471 * 255 + 32768) >> 16 = 29
    let primaries = Image8(width: 3, height: 1, channels: 3, pixels: [255, 0, 0, 0, 255, 0, 0, 0, 255])
    #expect(primaries.convertedToGrey().pixels == [76, 150, 29])
    #expect(primaries.convertedToGrey().convertedToRGB().pixels == [76, 76, 76, 150, 150, 150, 29, 29, 29])
  }
}
