// .npy and .npz: what NumPy wrote is read, what is written reads back, damage is an error.

import Inputs
import TestSupport
import Testing

@Suite struct NumPyArrayTests {
  @Test func numPysOwnFilesAreRead() throws {
    let halves = try NumPyArray(npy: decodeBase64(ArrayFixtures.halves), name: "halves")
    #expect(halves.shape == [4] && halves.elementType == .float16)
    #expect(try halves.floats() == [1.5, -2, 65504, Float(5.9604645e-8)])  // the smallest float16, 2^-24
    let fortran = try NumPyArray(npy: decodeBase64(ArrayFixtures.fortranOrder), name: "fortran")
    #expect(fortran.shape == [2, 3, 4] && fortran.elementType == .int16)
    #expect(try fortran.integers() == Array(0..<24))
    #expect(try fortran.bytes() == Array(0..<24))
    #expect(try fortran.floats() == (0..<24).map(Float.init))
  }

  @Test func everyTypeAndByteOrderReadsBack() throws {
    let values: [Int] = [0, 1, 2, 100, 127]
    for type in NumPyArray.ElementType.allCases where type != .bool {
      for isBigEndian in [false, true] {
        var data: [UInt8] = []
        for value in values {
          let word: UInt64
          switch type {
          case .float16: word = UInt64(Float16(value).bitPattern)
          case .float32: word = UInt64(Float(value).bitPattern)
          case .float64: word = Double(value).bitPattern
          default: word = UInt64(value)
          }
          let little = (0..<type.byteCount).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
          data += isBigEndian ? little.reversed() : little
        }
        for version: UInt8 in [1, 2, 3] {
          let order = isBigEndian ? ">" : "<"
          let text = "{'descr': '\(order)\(type.rawValue)', 'fortran_order': False, 'shape': (5,), }\n"
          let length = (0..<(version == 1 ? 2 : 4)).map { UInt8(truncatingIfNeeded: text.utf8.count >> (8 * $0)) }
          let bytes = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, version, 0] + length + Array(text.utf8) + data
          let array = try NumPyArray(npy: bytes, name: "a.npy")
          #expect(try array.doubles() == values.map(Double.init), "\(type) big-endian \(isBigEndian)")
          if !type.isFloat { #expect(try array.integers() == values) }
        }
      }
    }
  }

  @Test func writtenArraysReadBackAtomically() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/a.npy"
    let floats: [Float] = [0, -0.0, .infinity, -.infinity, .leastNonzeroMagnitude, 1.1]
    for array in [
      NumPyArray(shape: [2, 3], floats: floats), NumPyArray(shape: [6], bytes: [0, 1, 127, 128, 254, 255]),
      NumPyArray(shape: [2, 1], integers: [.min, .max]), NumPyArray(shape: [], doubles: [.pi]),
      NumPyArray(shape: [0, 7], floats: []),
    ] {
      try array.write(to: path)
      let back = try NumPyArray(contentsOf: path)
      #expect(back == array)
      #expect((array.npyBytes.count - array.data.count) % 64 == 0)
    }
    let nan = Float(nan: 0x1234, signaling: false)
    try NumPyArray(shape: [1], floats: [nan]).write(to: path)
    #expect(try NumPyArray(contentsOf: path).floats()[0].bitPattern == nan.bitPattern)
    // A folder that is not there: an error, and nothing is left behind.
    #expect(throws: InputError.self) { try NumPyArray(shape: [1], bytes: [1]).write(to: "\(folder.path)/no/a.npy") }
    let text = errorText { _ = try NumPyArray(contentsOf: "\(folder.path)/missing.npy") }
    #expect(text?.contains("No such file") == true)
  }

  @Test func valuesThatDoNotFitAreErrors() throws {
    #expect(throws: InputError.self) { try NumPyArray(shape: [1], integers: [256]).bytes() }
    #expect(throws: InputError.self) { try NumPyArray(shape: [1], integers: [-1]).bytes() }
    #expect(throws: InputError.self) { try NumPyArray(shape: [1], integers: [1 << 24 + 1]).floats() }
    #expect(throws: InputError.self) { try NumPyArray(shape: [1], floats: [1]).integers() }
    #expect(try NumPyArray(shape: [2], integers: [255, 0]).bytes() == [255, 0])
  }

  @Test func damagedHeadersAreErrors() throws {
    func bytes(_ text: String, data: Int) -> [UInt8] {
      [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0, UInt8(text.utf8.count), 0] + Array(text.utf8)
        + [UInt8](repeating: 0, count: data)
    }
    let refused: [(String, Int)] = [
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 7),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 9),
      ("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", 8),
      ("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8),
      ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4),
      ("{'descr': '<f4', 'shape': (1,), }", 4),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 4), }", 4),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 4),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", 4),
      ("", 0),
    ]
    for (text, data) in refused {
      let error = errorText { _ = try NumPyArray(npy: bytes(text, data: data), name: "x.npy") }
      #expect(error?.contains("x.npy") == true, "\(text)")
    }
    let good = bytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 1), }", data: 8)
    #expect(try NumPyArray(npy: good, name: "x").shape == [2, 1])
  }

  @Test func archivesGiveTheirArrays() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a.npz", decodeBase64(ArrayFixtures.compressedArchive))
    let archive = try NumPyArchive(path: path)
    #expect(archive.names == ["images", "labels"])
    #expect(try archive.array("images") == NumPyArray(shape: [2, 4, 3, 3], bytes: Array(0..<72)))
    #expect(try archive.array("labels").integers() == [7, 3])
    #expect(errorText { _ = try archive.array("x") }?.contains("\"images\", \"labels\"") == true)
    let stored = try NumPyArchive(path: folder.write("b.npz", decodeBase64(ArrayFixtures.storedArchive)))
    #expect(try stored.array("images").doubles() == [0.5, -1.25, 3, 4])
    #expect(throws: InputError.self) { try NumPyArchive(path: folder.write("c.npz", "not a zip file")) }
    #expect(errorText { _ = try NumPyArchive(path: folder.path + "/no.npz") }?.contains("No such file") == true)
  }

  @Test func mutatedArraysNeverCrash() throws {
    let seed: UInt64 = 77
    var generator = SeededGenerator(seed: seed)
    let folder = try TemporaryFolder()
    let arrays = [ArrayFixtures.halves, ArrayFixtures.fortranOrder].map(decodeBase64)
    let archives = [ArrayFixtures.compressedArchive, ArrayFixtures.storedArchive].map(decodeBase64)
    var refused = 0
    for _ in 0..<3000 {
      for bytes in arrays {
        do {
          let array = try NumPyArray(npy: mutated(bytes, &generator), name: "fuzz")
          #expect(array.data.count == array.shape.reduce(1, *) * array.elementType.byteCount, "seed \(seed)")
          _ = try array.doubles()
        } catch {
          refused += 1
        }
      }
    }
    #expect(refused > 2000, "seed \(seed)")
    for _ in 0..<300 {
      for bytes in archives {
        do {
          let archive = try NumPyArchive(path: folder.write("fuzz.npz", mutated(bytes, &generator)))
          for name in archive.names { _ = try archive.array(name) }
        } catch {
          #expect(error is InputError)
        }
      }
    }
  }

  @Test func gzipMembersAreJoinedAndDamageIsAnError() throws {
    let bytes = decodeBase64(ArrayFixtures.gzip)
    let expected = Array(("Hello, " + String(repeating: "world", count: 40)).utf8)
    #expect(try Gzip.inflate(bytes, name: "a.gz") == expected)
    #expect(try Gzip.inflate(bytes + [0, 0, 0], name: "a.gz") == expected)
    #expect(Gzip.isGzip(bytes) && !Gzip.isGzip([0x1F]))
    for count in 0..<bytes.count where count != 27 {  // 27: the end of the first member
      let text = errorText { _ = try Gzip.inflate(Array(bytes.prefix(count)), name: "a.gz") }
      #expect(text?.contains("a.gz") == true, "cut to \(count) bytes")
    }
    #expect(throws: InputError.self) { try Gzip.inflate(bytes + [1, 2], name: "a.gz") }
    #expect(throws: InputError.self) { try Gzip.inflate(bytes, name: "a.gz", limit: 100) }
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<2000 { _ = try? Gzip.inflate(mutated(bytes, &generator), name: "fuzz") }
    let folder = try TemporaryFolder()
    #expect(try Gzip.inflate(contentsOf: folder.write("a.gz", bytes)) == expected)
  }
}
