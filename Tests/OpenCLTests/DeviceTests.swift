// Discovery, preparation, memory, instances, the program cache and errors.

import Compute
import Glibc
import OpenCLCompute
import Primitives
import Tensors
import Testing

@Suite(.serialized) struct DeviceTests {
  @Test func discoveryNamesDevices() throws {
    let devices = try OpenCLDevice.all()
    #expect(!devices.isEmpty)
    for (index, device) in devices.enumerated() {
      #expect(device.index == index && !device.name.isEmpty && device.memory > 0 && device.computeUnits > 0)
      #expect(device.precisions == [.float32, .bfloat16, .float16])
    }
    #expect(throws: DeviceError.self) { try OpenCLDevice.device(devices.count) }
  }

  @Test func selfTestAdmitsTheVariantsOfThisDevice() throws {
    let device = try firstDevice()
    let wanted: Set<Rung> = [.reference, device.kind == .cpu ? .vector : .tiled]
    let admission = RungSelfTest.run(device)
    // Tiles of NVIDIA's kernels come on top on NVIDIA's devices.
    #expect(admission.rungs.isSuperset(of: wanted))
    #expect(device.computeCapability >= 80 || admission == KernelAdmission(rungs: wanted))
    #expect(device.rungs == admission.rungs)
    #expect(
      device.identity.kind == "opencl" && device.identity.variant.contains(device.kind == .cpu ? "vector" : "tiled"))
    #expect(
      KernelAdmission(rungs: [.vector, .reference], tiles: ["b", "a"]).json
        == "{\"rungs\":[\"reference\",\"vector\"],\"tiles\":[\"a\",\"b\"]}\n")
  }

  /// A chain of steps whose transient values share slots: ((x + 1) * 2 + 1) * 2 ..., exact in binary32.
  static func chain(_ length: Int, count: Int) throws -> (CommandList, input: Value, output: Value) {
    var list = CommandList()
    let input = list.input([count], .float32, name: "input")
    var value = input
    for _ in 0..<length {
      let sum = list.transient([count], .float32, name: "sum")
      try list.append(Unary(.affine(scale: 1, shift: 1), input: value, output: sum))
      let twice = list.transient([count], .float32, name: "twice")
      try list.append(Unary(.affine(scale: 2, shift: 0), input: sum, output: twice))
      value = twice
    }
    let output = list.output([count], .float32, name: "output")
    try list.append(Unary(.identity, input: value, output: output))
    return (list, input, output)
  }

  @Test func transientValuesShareMemoryWithoutHarm() async throws {
    let (list, input, output) = try Self.chain(6, count: 1000)
    #expect(MemoryPlan(list).instanceBytes <= 4 * 4000)
    let prepared = try await firstDevice().prepare(list, instances: 1)[0]
    for round in 0..<3 {
      try prepared.write((0..<1000).map { Float($0 + round) }, to: input)
      try await prepared.run()
      let found = try prepared.read(output, as: Float.self)
      // x -> 2 (x + 1), six times: 64 x + 126.
      #expect(found == (0..<1000).map { 64 * Float($0 + round) + 126 })
    }
  }

  @Test func instancesRunAtTheSameTimeWithActivationsOfTheirOwn() async throws {
    let (list, input, output) = try Self.chain(4, count: 50_000)
    let instances = try await firstDevice().prepare(list, instances: 3)
    for (index, instance) in instances.enumerated() {
      try instance.write([Float](repeating: Float(index), count: 50_000), to: input)
    }
    for _ in 0..<5 {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for instance in instances { group.addTask { try await instance.run() } }
        try await group.waitForAll()
      }
    }
    for (index, instance) in instances.enumerated() {
      let found = try instance.read(output, as: Float.self)
      #expect(found.allSatisfy { $0 == 16 * Float(index) + 30 })
    }
  }

  @Test func writesAtAnOffsetLeaveTheRest() async throws {
    var list = CommandList()
    let input = list.input([8], .float32, name: "input")
    let output = list.output([8], .float32, name: "output")
    try list.append(Unary(.identity, input: input, output: output))
    let prepared = try await firstDevice().prepare(list, instances: 1)[0]
    try [Float(5), 6].withUnsafeBytes { try prepared.write($0, to: input, offset: 12) }
    try await prepared.run()
    #expect(try prepared.read(output, as: Float.self) == [0, 0, 0, 5, 6, 0, 0, 0])
  }

  /// The image of a sample gives the same bits in every slot of a batch.
  @Test func bitsDoNotDependOnTheSlot() async throws {
    var numbers = Numbers(seed: 41)
    let batch = 5
    let image = numbers.floats(9 * 9 * 20)
    var list = CommandList()
    let input = list.input([batch, 9, 9, 20], .float32, name: "input")
    let middle = list.transient([batch, 9, 9, 33], .float32, name: "middle")
    let filter = list.constant(numbers.tensor([33, 3, 3, 20]))
    try list.append(
      Convolve(
        input: input, filter: filter, bias: nil, output: middle,
        window: Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1), activation: .relu))
    let output = list.output([batch, 10], .float32, name: "output")
    let weights = list.constant(numbers.tensor([9 * 9 * 33, 10]))
    let flat = list.view(of: middle, [batch, 9 * 9 * 33])
    try list.append(MatrixMultiply(left: flat, right: weights, output: output, m: batch, n: 10, k: 9 * 9 * 33))
    let device = try firstDevice()
    for rungs in choices(device) {
      let traits = device.traits(rungs: rungs, as: rungs.contains(.tiled) ? .gpu : nil)
      let prepared = try device.prepare(list, instances: 1, traits: traits)[0]
      var wanted: [UInt32]?
      for slot in 0..<batch {
        var images = numbers.floats(batch * image.count)
        images.replaceSubrange(slot * image.count..<(slot + 1) * image.count, with: image)
        try prepared.write(images, to: input)
        try await prepared.run()
        let found = try prepared.read(output, as: Float.self)[slot * 10..<slot * 10 + 10].map(\.bitPattern)
        #expect(found == wanted ?? found, "slot \(slot) with \(rungs.map(\.rawValue).sorted())")
        wanted = found
      }
    }
  }

  @Test func programsComeFromTheDiskUnlessTheEntryIsDamaged() async throws {
    let folder = "/tmp/surety-cache-test-\(getpid())"
    #expect(mkdir(folder, 0o755) == 0)
    defer { rmdir(folder) }
    func use() async throws -> (source: Int, disk: Int) {
      let device = try #require(try OpenCLDevice.discover().first)
      device.keepBinaries(in: folder)
      var list = CommandList()
      let output = list.output([100], .float32, name: "output")
      try list.append(Fill(output: output, number: 3))
      let prepared = try device.prepare(list, instances: 1, traits: device.traits(rungs: [.reference]))[0]
      try await prepared.run()
      #expect(try prepared.read(output, as: Float.self) == [Float](repeating: 3, count: 100))
      return device.programOrigins
    }
    #expect(try await use() == (1, 0))
    #expect(try await use() == (0, 1))
    let entries = fileNames(folder)
    #expect(entries.count == 1 && entries.allSatisfy { $0.hasSuffix(".bin") })
    for name in entries {
      let path = folder + "/" + name
      let file = open(path, O_RDWR)
      #expect(pwrite(file, [1, 2, 3, 4], 4, 100) == 4)
      close(file)
      #expect(try await use() == (1, 0))
      #expect(try await use() == (0, 1))
      #expect(truncate(path, 40) == 0)
      #expect(try await use() == (1, 0))
      unlink(path)
    }
  }

  @Test func selfTestsInAChildProcessSurviveItsDeath() {
    let shell = { (script: String) in
      SelfTestChild.run("/bin/sh", ["sh", "-c", script], timeLimit: 2)
    }
    let line = KernelAdmission(rungs: [.reference, .tiled], tiles: [KernelTile.all[0].name]).json.dropLast()
    #expect(shell("echo '\(line)'")?.json.dropLast() == line)
    #expect(shell("echo '\(line)'; exit 3") == nil)
    #expect(shell("echo '\(line.replacing("tiled", with: "tilted"))'") == nil)
    #expect(shell("echo '\(line.replacing("fma", with: "fms"))'") == nil)
    #expect(shell("kill -SEGV $$") == nil)
    #expect(shell("echo Segmentation fault") == nil)
    #expect(shell("exec sleep 60") == nil)
    #expect(SelfTestChild.run("/nowhere/surety", ["surety"], timeLimit: 2) == nil)
  }

  @Test func buildErrorsShowTheCompilersLog() throws {
    let device = try firstDevice()
    do throws(DeviceError) {
      try device.buildForTest("__kernel void broken(__global float *x) { x[0] = undeclared_name; }")
      Issue.record("the kernel built")
    } catch {
      #expect(error.description.contains("undeclared_name"), "\(error)")
    }
  }

  @Test func tooLargeListsAreRefusedInAWholeSentence() async throws {
    let device = try firstDevice()
    var list = CommandList()
    let count = device.memory / 4 + 1000
    let output = list.output([count], .float32, name: "output")
    try list.append(Fill(output: output, number: 1))
    let prepared = await Task { try await device.prepare(list, instances: 1) }.result
    switch prepared {
    case .success: Issue.record("a list larger than the device was prepared")
    case .failure(let error):
      guard case .outOfMemory(let text)? = error as? DeviceError else {
        Issue.record("\(error)")
        return
      }
      #expect(text.contains("smaller batch"))
    }
  }

  /// 16-bit activations are widened exactly and rounded once: bfloat16 has units of 2^-7 at 1, so 1 + 2^-9 becomes 1;
  /// binary16 has units of 2^-10 there and keeps it.
  @Test func sixteenBitActivationsRoundOnce() async throws {
    let device = try firstDevice()
    let cases: [(type: ElementType, encode: (Float) -> UInt16, first: Float)] = [
      (.bfloat16, { bfloat16($0) }, 1), (.float16, { half($0) }, 1 + 0x1p-9),
    ]
    for (type, encode, first) in cases {
      var list = CommandList()
      let input = list.input([5], type, name: "pixels")
      let output = list.output([5], type, name: "output")
      try list.append(Unary(.affine(scale: 1, shift: 0x1p-9), input: input, output: output))
      let instance = try await device.prepare(list, instances: 1)[0]
      let numbers: [Float] = [1, -0x1p-9, -2 - 0x1p-9, .infinity, .nan]
      try instance.write(numbers.map(encode), to: input)
      try await instance.run()
      let found = try instance.read(output, as: UInt16.self)
      let wanted: [Float] = [first, 0, -2, .infinity]
      #expect(Array(found[..<4]) == wanted.map(encode), "\(type)")
      #expect(found[4] & 0x7fff > encode(.infinity), "\(type): NaN stays NaN")
    }
  }

  private func fileNames(_ folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }
}
