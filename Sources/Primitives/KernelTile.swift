// The kernels of which a device may refuse some tiles.

import Compute
import Tensors

/// One tile of the rungs that have several: what its self-test must know.
package struct KernelTile: Sendable, CustomStringConvertible {
  package let name: String
  package let rung: Rung
  /// The types of activations that it is for.
  package let types: [ElementType]
  /// What its self-test computes.
  private let problems: Problems

  private enum Problems {
    case dense
    case block(BlockTile)
  }

  private init(name: String, rung: Rung, types: [ElementType], problems: Problems = .dense) {
    self.name = name
    self.rung = rung
    self.types = types
    self.problems = problems
  }

  /// Whether it needs compute capability 9.0 exactly.
  package var needsHopper: Bool { rung == .warpgroup }

  /// The rungs that must be admitted for the tile to be chosen.
  package var rungs: Set<Rung> { rung.base.union([rung]) }

  package var description: String { name }

  /// Whether the tile's kernel is for devices of a compute capability, 0 for those that are not NVIDIA's.
  package func runs(onCapability capability: Int) -> Bool {
    needsHopper ? capability == 90 : capability >= 80
  }

  /// Problems for the self-test, among which some suit the tile.
  ///
  /// A block's sizes are compiled in, so that every one of them is a program: each tile computes two of the blocks in
  /// binary16 and one in bfloat16.
  package func cases(_ type: ElementType, _ extent: Extent) -> [RungCase] {
    switch problems {
    case .dense:
      switch extent {
      case .tiny: return RungCase.tiny(type)
      case .small: return RungCase.tiled(type)
      case .wide: return RungCase.wide(type)
      }
    case .block(let tile):
      func fitting(_ blocks: [RungCase.Block]) -> [RungCase] {
        blocks.filter { $0.shape.map { $0.fits(tile) } ?? false }.map(\.run)
      }
      switch extent {
      case .tiny: return fitting(RungCase.tinyBlocks(type))
      case .small:
        // Another pair of blocks for each tile, so that all of them are computed by some.
        let all = fitting(RungCase.blocks(type))
        let index = name.utf8.reduce(0) { $0 + Int($1) }
        return (0..<min(all.count, type == .bfloat16 ? 1 : 2)).map { all[(index + $0) % all.count] }
      case .wide: return RungCase.wideBlocks(type)
      }
    }
  }

  /// How large the problems of a self-test are: about one work-group each, a few, or hundreds.
  package enum Extent: Sendable { case tiny, small, wide }

  /// Every tile, those that others build on first.
  package static let all: [KernelTile] = {
    let halves: [ElementType] = [.float16, .bfloat16]
    var all: [KernelTile] = []
    for tile in PipelinedTile.all { all.append(KernelTile(name: tile.name, rung: .pipelined, types: [.float32])) }
    for tile in TensorTile.all where !tile.isWarpgroup {
      all.append(KernelTile(name: tile.name, rung: .tensor, types: halves))
    }
    for block in BlockTile.all {
      all.append(KernelTile(name: block.name, rung: .tensor, types: halves, problems: .block(block)))
    }
    let warpgroup = TensorTile.all.filter(\.isWarpgroup).map(\.name) + [RowsTile.name, ConvolveMaxPool.tile]
    for name in warpgroup { all.append(KernelTile(name: name, rung: .warpgroup, types: halves)) }
    return all
  }()
}
