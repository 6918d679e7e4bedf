// Small files written by NumPy 2.4 and Python's gzip, for the readers.

enum ArrayFixtures {
  /// np.savez_compressed(images=np.arange(72, dtype=u1).reshape(2, 4, 3, 3), labels=np.array([7, 3], dtype=i8))
  static let compressedArchive = """
    UEsDBC0AAAAIAAAAIQBTYliW//////////8KABQAaW1hZ2VzLm5weQEAEADIAAAAAAAAAJMAAAAAAAAAm+wX6hsQychQxlCt\
    npJanFykbqWgXlNqqK6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaRjoKJjoKxkCkqaNQq0AG4GJgZGJmYWVj5+Dk\
    4ubh5eMXEBQSFhEVE5eQlJKWkZWTV1BUUlZRVVPX0NTS1tHV0zcwNDI2MTUzt7C0sraxtbN3cHRydnF1cwcAUEsDBC0AAAAI\
    AAAAIQB2lSd2//////////8KABQAbGFiZWxzLm5weQEAEACQAAAAAAAAAEoAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWg\
    bpNpoa6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaRjqaOgq1ChQALnYGCGCG0gBQSwECLQMtAAAACAAAACEAU2JY\
    lpMAAADIAAAACgAAAAAAAAAAAAAAgAEAAAAAaW1hZ2VzLm5weVBLAQItAy0AAAAIAAAAIQB2lSd2SgAAAJAAAAAKAAAAAAAA\
    AAAAAACAAc8AAABsYWJlbHMubnB5UEsFBgAAAAACAAIAcAAAAFUBAAAAAA==
    """

  /// np.savez(images=np.array([[[0.5, -1.25]], [[3, 4]]], dtype=">f8")), stored
  static let storedArchive = """
    UEsDBC0AAAAAAAAAIQDt5T8H//////////8KABQAaW1hZ2VzLm5weQEAEACgAAAAAAAAAKAAAAAAAAAAk05VTVBZAQB2AHsn\
    ZGVzY3InOiAnPmY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDEsIDIpLCB9ICAgICAgICAgICAg\
    ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAo/4AAAAAAAAL/0AAAAAAAAQAgAAAAAAABAEAAA\
    AAAAAFBLAQItAy0AAAAAAAAAIQDt5T8HoAAAAKAAAAAKAAAAAAAAAAAAAACAAQAAAABpbWFnZXMubnB5UEsFBgAAAAABAAEA\
    OAAAANwAAAAAAA==
    """

  /// np.save of np.array([1.5, -2, 65504, 6e-8], dtype=f2)
  static let halves = """
    k05VTVBZAQB2AHsnZGVzY3InOiAnPGYyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDQsKSwgfSAgICAg\
    ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAPgDA/3sBAA==
    """

  /// np.save of np.asfortranarray(np.arange(24, dtype=">i2").reshape(2, 3, 4))
  static let fortranOrder = """
    k05VTVBZAQB2AHsnZGVzY3InOiAnPmkyJywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMywgNCksIH0g\
    ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAMAAQAEAAIABQAAQAN\
    AAUAEQAJABUAAgAOAAYAEgAKABYAAwAPAAcAEwALABc=
    """

  /// gzip("Hello, ") + gzip("world" * 40): two members.
  static let gzip = """
    H4sIAAAAAAACA/NIzcnJ11EAAAVvV94HAAAAH4sIAAAAAAACAyvPL8pJKR/6BAAuvM1SyAAAAA==
    """

  /// An idx file: two zero bytes, type 8 (bytes), rank, big-endian extents, data.
  static func idx(_ shape: [Int], _ data: [UInt8]) -> [UInt8] {
    [0, 0, 8, UInt8(shape.count)]
      + shape.flatMap { extent in (0..<4).map { UInt8(truncatingIfNeeded: extent >> (24 - 8 * $0)) } } + data
  }
}
