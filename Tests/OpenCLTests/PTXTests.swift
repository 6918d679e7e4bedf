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

  /// Every tile compiles and assembles in every type, for its architecture, with registers to spare: a spill costs more
  /// than the tile gains, and the assembler refuses what the driver would.
  @Test(.enabled(if: OfflineCompiler.shared != nil, "needs clang-15, libnvvm and ptxas; see scripts/check-ptx.sh"))
  func tilesAssembleWithoutSpills() throws {
    let device = try firstDevice()
    for tile in KernelTile.all {
      for type in tile.types {
        // The types differ in names of instructions only.
        for capability in tile.needsHopper ? [90] : type == tile.types[0] ? [80, 90] : [80] {
          let traits = NVIDIAKernelTests.traits(tile, device, capability: capability)
          // A block may need more local memory than the smaller device has.
          let cases = tile.cases(type, .small) + (tile.needsHopper || type == .float32 ? [] : Self.blocks(type))
          let launch = try cases.lazy.compactMap { test in
            try Self.launches(test.list, traits).first { $0.tile == tile.name }
          }.first
          let name = "\(tile.name) \(type) on \(capability)"
          let log = try #require(OfflineCompiler.shared).log(of: #require(launch, "\(name)"), capability: capability)
          #expect(log.contains(Self.noSpills), "\(name): \(log)")
        }
      }
    }
  }

  /// A block's sizes are compiled in, so that registers depend on them: no tile among which the device would choose spills
  /// for a block of the usual networks.
  @Test(.enabled(if: OfflineCompiler.shared != nil, "needs clang-15, libnvvm and ptxas; see scripts/check-ptx.sh"))
  func blocksAssembleWithoutSpills() throws {
    let device = try firstDevice()
    for capability in [80, 90] {
      let traits = device.traits(
        rungs: [.reference, .tiled, .tensor], as: .gpu, computeCapability: capability, tiles: nil)
      var count = 0
      for test in Self.blocks(.float16) {
        let last = try #require(Self.launches(test.list, traits).last)
        #expect(!last.tile.isEmpty, "\(Self.sizes(last)) is no block")
        for launch in [last] + last.alternatives {
          let log = try #require(OfflineCompiler.shared).log(of: launch, capability: capability)
          #expect(log.contains(Self.noSpills), "\(launch.tile) \(Self.sizes(launch)) on \(capability): \(log)")
          count += 1
        }
      }
      #expect(count >= 60)
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
}
