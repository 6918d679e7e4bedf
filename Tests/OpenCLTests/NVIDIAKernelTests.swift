// The kernels for NVIDIA devices, emulated: the same source with every PTX instruction replaced by its definition.

import Compute
import Glibc
import OpenCLCompute
import Primitives
import Tensors
import Testing

@Suite(.serialized) struct NVIDIAKernelTests {
  /// A device like the first one that would be NVIDIA's and admit one tile.
  static func traits(_ tile: KernelTile, _ device: OpenCLDevice, capability: Int = 90) -> DeviceTraits {
    device.traits(rungs: tile.rungs, as: .gpu, computeCapability: capability, tiles: [tile.name])
  }

  /// Every tile passes the self-test that admits it on a device: the first of each rung all of it, the others one problem,
  /// since emulation is slow. The types differ in conversions only.
  @Test(arguments: KernelTile.all) func tilesGiveTheBitsOfTheReference(_ tile: KernelTile) throws {
    let device = try firstDevice()
    let isFirst = KernelTile.all.first { $0.rung == tile.rung }?.name == tile.name
    let reason = RungSelfTest.failure(
      tile, device, Self.traits(tile, device), .small, types: isFirst ? tile.types : [tile.types[0]],
      count: isFirst ? nil : 1)
    #expect(reason == nil, "\(tile.name)")
  }

  /// The same on problems of about one work-group, which an interpreter that looks for races gets through: half a minute
  /// for most tiles, many minutes for those of wgmma. `$SURETY_TILES` picks tiles by a part of their names.
  @Test(arguments: KernelTile.all.filter { named in picked.map { named.name.contains($0) } ?? true })
  func tilesComputeTinyProblems(_ tile: KernelTile) throws {
    let device = try firstDevice()
    let reason = RungSelfTest.failure(tile, device, Self.traits(tile, device), .tiny, types: [tile.types[0]])
    #expect(reason == nil, "\(tile.name)")
  }

  private static let picked = getenv("SURETY_TILES").map { String(cString: $0) }

  /// Blocks of MobileNetV2 and EfficientNet-Lite0, one for each size of map.
  static func mobileBlocks(_ type: ElementType) -> [RungCase] {
    [
      RungCase.block([1, 224, 224, 3], expanded: 32, outputs: 16, size: 3, type: type, isFirst: true),
      RungCase.block([1, 112, 112, 16], expanded: 96, outputs: 24, size: 3, stride: 2, type: type),
      RungCase.block([1, 56, 56, 24], expanded: 144, outputs: 24, size: 3, type: type, hasResidual: true),
      RungCase.block([1, 28, 28, 32], expanded: 192, outputs: 64, size: 3, stride: 2, type: type),
      RungCase.block([1, 14, 14, 64], expanded: 384, outputs: 64, size: 3, type: type, hasResidual: true),
      RungCase.block([1, 14, 14, 80], expanded: 480, outputs: 112, size: 5, type: type),
      RungCase.block([1, 7, 7, 96], expanded: 576, outputs: 96, size: 3, type: type, hasResidual: true),
    ].map(\.run)
  }

  /// A device that refuses a tile, or is of an earlier architecture, or computes in binary32, never gets it.
  @Test func tilesRunOnlyWhereTheyPassed() throws {
    let device = try firstDevice()
    let rungs: Set<Rung> = [.reference, .tiled, .pipelined, .tensor, .warpgroup]
    func tiles(_ type: ElementType, capability: Int, _ rungs: Set<Rung>, _ tiles: Set<String>?) -> Set<String> {
      let traits = device.traits(rungs: rungs, as: .gpu, computeCapability: capability, tiles: tiles)
      var found: Set<String> = []
      for test in RungCase.tiled(type) + RungCase.wide(type) + Self.mobileBlocks(type) {
        guard let list = try? test.list.fused(for: traits) else { continue }
        for launch in list.steps.flatMap({ (try? $0.launches(list, traits)) ?? [] }) {
          for choice in [launch] + launch.alternatives where !choice.tile.isEmpty { found.insert(choice.tile) }
        }
      }
      return found
    }
    let all = Set(KernelTile.all.map(\.name))
    let hopper = Set(KernelTile.all.filter(\.needsHopper).map(\.name))
    let single = Set(KernelTile.all.filter { $0.types == [.float32] }.map(\.name))
    #expect(tiles(.float16, capability: 90, rungs, nil) == all.subtracting(single))
    #expect(tiles(.bfloat16, capability: 80, rungs, nil) == all.subtracting(single).subtracting(hopper))
    #expect(tiles(.float32, capability: 90, rungs, nil) == single)
    #expect(tiles(.float16, capability: 90, [.reference, .tiled, .pipelined], nil).isEmpty)
    #expect(tiles(.float16, capability: 90, rungs, []).isEmpty)
    let kept = all.subtracting([hopper.sorted()[0]])
    #expect(tiles(.float16, capability: 90, rungs, kept) == kept.subtracting(single))
    // PoCL is no NVIDIA device: none of its own traits admits a tile.
    if device.computeCapability == 0 { #expect(device.traits.tiles == []) }
  }

  /// The device takes over what it measured or, here, the first of the alternatives, and says so.
  @Test func preparedListsNameTheirTiles() throws {
    let device = try firstDevice()
    let test = RungCase.tiled(.float32)[2]
    let traits = device.traits(rungs: [.reference, .tiled, .pipelined], as: .gpu, computeCapability: 80)
    let prepared = try device.prepare(test.list, instances: 1, traits: traits)[0]
    #expect(prepared.tiles == test.tiles(traits) && prepared.tiles.count == 1)
    let portable = try device.prepare(test.list, instances: 1, traits: device.traits(rungs: [.reference]))[0]
    #expect(portable.tiles.isEmpty)
  }
}
