// The PTX of NVIDIA's kernels, without a device: edits of the text, and the assembler's opinion where one is installed.

import Compute
import FoundationEssentials
import Glibc
import OpenCLCompute
import Primitives
import Tensors
import TestSupport
import Testing

@Suite struct PTXTests {
  static let compiled = """
    .version 9.0
    .target sm_90, texmode_independent
    .entry convolve_tensor(
    )
    .reqntid 256, 1, 1
    {
    \t// begin inline asm
    \t//@ wgmma.fence.sync.aligned;
    \t// end inline asm
    }
    """

  @Test func retargetingMakesMarkedInstructionsReal() throws {
    let edited = try #require(PTXText.edited(Self.compiled, ProgramEdit(usesArchitecture: true)))
    #expect(edited.contains("\n.target sm_90a, texmode_independent\n"))
    #expect(edited.contains("\n\twgmma.fence.sync.aligned;\n") && !edited.contains("//@"))
    let capped = try #require(PTXText.edited(Self.compiled, ProgramEdit(groupsPerUnit: 3)))
    #expect(capped == Self.compiled.replacing("1, 1\n", with: "1, 1\n.minnctapersm 3\n"))
    #expect(PTXText.edited(Self.compiled, .none) == Self.compiled)
  }

  /// A text without a marked instruction, of another target, or with something before the marker would run and be wrong.
  @Test func textsWithoutAPlaceForTheEditAreRefused() {
    let edit = ProgramEdit(usesArchitecture: true)
    #expect(PTXText.edited(Self.compiled.replacing("//@ ", with: ""), edit) == nil)
    #expect(PTXText.edited(Self.compiled.replacing("sm_90", with: "sm_100"), edit) == nil)
    #expect(PTXText.edited(Self.compiled.replacing("//@", with: "add //@"), edit) == nil)
    #expect(PTXText.edited(Self.compiled.replacing(".reqntid", with: ".x"), ProgramEdit(groupsPerUnit: 2)) == nil)
  }

  /// Clang that knows NVIDIA's target; PoCL's Debian package brings it. `$SURETY_CLANG` comes first.
  static let clang = tool("SURETY_CLANG", ["clang-15", "clang-16", "clang-19"])
  /// NVIDIA's assembler, from the CUDA toolkit or a wheel; `scripts/check-ptx.sh` finds it.
  static let assembler = tool("SURETY_PTXAS", ["ptxas"])

  private static func tool(_ variable: String, _ names: [String]) -> String? {
    if let path = getenv(variable) { return String(cString: path) }
    let folders = getenv("PATH").map { String(cString: $0).split(separator: ":").map(String.init) } ?? []
    return names.lazy.flatMap { name in folders.map { $0 + "/" + name } }.first { access($0, X_OK) == 0 }
  }

  /// Every tile compiles and assembles in every type, for its architecture, with registers to spare: a spill costs more
  /// than the tile gains, and the assembler refuses what the driver would.
  @Test(.enabled(if: clang != nil && assembler != nil, "needs clang for nvptx64 and ptxas; see scripts/check-ptx.sh"))
  func tilesAssembleWithoutSpills() throws {
    let device = try firstDevice()
    for tile in KernelTile.all {
      for type in tile.types {
        // The types differ in names of instructions only.
        for capability in tile.needsHopper ? [90] : type == tile.types[0] ? [80, 90] : [80] {
          let traits = NVIDIAKernelTests.traits(tile, device, capability: capability)
          // A block may need more local memory than the smaller device has.
          let cases = tile.cases(type).small + (tile.needsHopper || type == .float32 ? [] : Self.blocks(type))
          let launch = try cases.lazy.compactMap { test in
            try Self.launches(test.list, traits).first { $0.tile == tile.name }
          }.first
          let name = "\(tile.name) \(type) on \(capability)"
          let log = try Self.assembled(#require(launch, "\(name)"), capability: capability)
          #expect(log.contains(Self.noSpills), "\(name): \(log)")
        }
      }
    }
  }

  /// A block's sizes are compiled in, so that registers depend on them: every block of the usual networks has a tile that
  /// does not spill. Others stay in the choice, which measures: some of the fastest on an H100, by NVIDIA's own compiler,
  /// spill a few bytes by this one.
  @Test(.enabled(if: clang != nil && assembler != nil, "needs clang for nvptx64 and ptxas; see scripts/check-ptx.sh"))
  func everyBlockHasATileWithoutSpills() throws {
    let device = try firstDevice()
    for capability in [80, 90] {
      let traits = device.traits(
        rungs: [.reference, .tiled, .tensor], as: .gpu, computeCapability: capability, tiles: nil)
      var (spilling, all) = (0, 0)
      for test in Self.blocks(.float16) {
        let last = try #require(Self.launches(test.list, traits).last)
        #expect(!last.tile.isEmpty, "\(Self.sizes(last)) is no block")
        var kept = 0
        for launch in [last] + last.alternatives {
          let log = try Self.assembled(launch, capability: capability)
          #expect(log.contains(" spill stores"), "\(launch.tile) \(Self.sizes(launch)): \(log)")
          if log.contains(Self.noSpills) { kept += 1 } else { spilling += 1 }
          all += 1
        }
        #expect(kept > 0, "all tiles for \(Self.sizes(last)) spill on \(capability)")
      }
      print("blocks on \(capability): \(spilling) of \(all) programs spill")
    }
  }

  /// The blocks of MobileNetV2 and EfficientNet-Lite0: height, input, expanded, outputs, window, stride.
  private static func blocks(_ type: ElementType) -> [RungCase] {
    let shapes = [
      (112, 16, 96, 24, 3, 2), (56, 24, 144, 24, 3, 1), (56, 24, 144, 32, 3, 2), (28, 32, 192, 32, 3, 1),
      (28, 32, 192, 64, 3, 2), (14, 64, 384, 64, 3, 1), (14, 64, 384, 96, 3, 1), (14, 96, 576, 96, 3, 1),
      (14, 96, 576, 160, 3, 2), (7, 160, 960, 160, 3, 1), (7, 160, 960, 320, 3, 1), (56, 24, 144, 40, 5, 2),
      (28, 40, 240, 40, 5, 1), (28, 40, 240, 80, 3, 2), (14, 80, 480, 80, 3, 1), (14, 80, 480, 112, 5, 1),
      (14, 112, 672, 112, 5, 1), (14, 112, 672, 192, 5, 2), (7, 192, 1152, 192, 5, 1), (7, 192, 1152, 320, 3, 1),
    ]
    return [RungCase.block([1, 224, 224, 3], expanded: 32, outputs: 16, size: 3, type: type, isFirst: true).run]
      + shapes.map { height, input, expanded, outputs, size, stride in
        RungCase.block(
          [1, height, height, input], expanded: expanded, outputs: outputs, size: size, stride: stride, type: type,
          hasResidual: stride == 1 && input == outputs
        ).run
      }
  }

  private static func launches(_ list: CommandList, _ traits: DeviceTraits) throws -> [KernelLaunch] {
    let list = try list.fused(for: traits)
    return try list.steps.flatMap { try $0.launches(list, traits) }
  }

  private static let noSpills = " 0 bytes spill stores, 0 bytes spill loads"

  private static func sizes(_ launch: KernelLaunch) -> [String] {
    launch.defines.filter { ["IN", "EXPANDED", "OUT", "SIZE", "STRIDE", "STORED"].contains($0.name) }
      .map { "\($0.name) \($0.value)" }
  }

  /// Compiles the launch's program as NVIDIA's compiler does, edits it as the device does, and returns what the
  /// assembler says.
  private static func assembled(_ launch: KernelLaunch, capability: Int) throws -> String {
    let folder = try TemporaryFolder.make("ptx")
    defer { TemporaryFolder.remove(folder) }
    let shim = """
      #define get_local_id(d) ((size_t)__nvvm_read_ptx_sreg_tid_x())
      #define get_group_id(d) \\
        ((d) == 0 ? (size_t)__nvvm_read_ptx_sreg_ctaid_x() : (size_t)__nvvm_read_ptx_sreg_ctaid_y())
      #define barrier(fence) __syncthreads()
      #define fma(a, b, c) __builtin_fmaf(a, b, c)
      #define min(a, b) ((a) < (b) ? (a) : (b))
      #pragma clang attribute push(__attribute__((internal_linkage)), apply_to = function)

      """
    // The prelude's functions stay inside, so that those that are not used vanish with what they call.
    let text = try KernelText.program(launch.source)
      .replacing("#line 1 \"\(launch.source)\"", with: "#pragma clang attribute pop", maxReplacements: 1)
    let (source, ptx) = (folder + "/kernel.cl", folder + "/kernel.ptx")
    try write(shim + text, to: source)
    let options =
      [
        "-x", "cl", "-cl-std=CL1.2", "--target=nvptx64-nvidia-nvcl", "-march=sm_80", "-Xclang", "-target-feature",
        "-Xclang", "+ptx75", "-O3", "-S", "-DGPU=1", "-DNVIDIA=\(capability)", "-DASM=__asm__",
      ] + launch.defines.map { "-D\($0.name)=\($0.value)" }
    let compiler = try Program(options + [source, "-o", ptx], executable: clang!).finish()
    guard compiler.code == 0 else { return compiler.messages }
    var lines = String(decoding: try TestData.bytes(ptx), as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    for index in lines.indices {
      // This clang knows neither the newest targets nor, in OpenCL, the size of work-groups; and without a driver the
      // assembler keeps to 48 KB of static local memory.
      if lines[index].hasPrefix(".target sm_80") { lines[index].replace("sm_80", with: "sm_\(capability)") }
      if lines[index].hasPrefix(".version") { lines[index] = ".version 8.0" }
      if lines[index].contains(".shared .align"), let start = lines[index].firstIndex(of: "[") {
        lines[index] = lines[index][..<start] + "[49152];"
      }
    }
    if let body = lines.firstIndex(of: "{") { lines.insert(".reqntid \(launch.localSize[0]), 1, 1", at: body) }
    let edited = try #require(PTXText.edited(lines.joined(separator: "\n"), launch.edit), "\(launch.tile)")
    try write(edited, to: ptx)
    let target = "sm_\(capability)" + (launch.edit.usesArchitecture ? "a" : "")
    let result = try Program(
      ["-arch=" + target, "-v", ptx, "-o", folder + "/kernel.bin"], executable: assembler!
    ).finish()
    return result.code == 0 ? result.messages + result.output : "failed: " + result.messages + result.output
  }

  private static func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path))
  }
}
