// The kernels of which a device may refuse some tiles.

import Compute
import Tensors

/// One tile of the rungs that have several: what its self-test must know.
package struct KernelTile: Sendable, Hashable {
  package let name: String
  package let rung: Rung
  /// The types of activations that it is for.
  package let types: [ElementType]
  /// Whether it needs compute capability 9.0 exactly.
  package let needsHopper: Bool

  /// The rungs that must be admitted for the tile to be chosen.
  package var rungs: Set<Rung> { rung.base.union([rung]) }

  /// Every tile, those that others build on first.
  package static let all: [KernelTile] =
    PipelinedTile.all.map {
      KernelTile(
        name: $0.name, rung: .pipelined, types: [.float32], needsHopper: false)
    }
    + TensorTile.all.sorted { !$0.isWarpgroup && $1.isWarpgroup }.map {
      KernelTile(
        name: $0.name, rung: $0.isWarpgroup ? .warpgroup : .tensor, types: [.float16, .bfloat16],
        needsHopper: $0.isWarpgroup)
    } + [KernelTile(name: RowsTile.name, rung: .warpgroup, types: [.float16, .bfloat16], needsHopper: true)]
}
