// Launches of nvidia/convolve_pipelined.cl: binary32 with operands copied ahead (R3 for float32).

import Compute
import Tensors

/// How a work-group of nvidia/convolve_pipelined.cl covers its outputs. The fields are the kernel's definitions.
struct PipelinedTile: Sendable {
  var rows = 128
  var columns: Int
  /// Outputs of an item along the columns.
  var across = 1
  var itemColumns: Int
  var slab: Int
  var stages: Int
  /// Work-groups that a compute unit should hold; without this wish the compiler takes too many registers.
  var groups: Int

  var name: String { "fma\(rows)x\(columns)i\(itemColumns)k\(slab)s\(stages)" }
  var localBytes: Int { stages * (rows + columns) * slab * 4 }
  var items: Int { rows * across }

  var defines: [KernelLaunch.Define] {
    [
      .init("ROWS", rows), .init("COLUMNS", columns), .init("TN", itemColumns), .init("ACROSS", across),
      .init("SLAB", slab), .init("STAGES", stages),
    ]
  }

  /// The tiles, best guess first (prototypes/convolution, section 3): within 1 % of all that were tried.
  static let all: [PipelinedTile] = [
    PipelinedTile(columns: 128, itemColumns: 16, slab: 32, stages: 2, groups: 2),
    PipelinedTile(columns: 128, across: 2, itemColumns: 8, slab: 32, stages: 3, groups: 2),
    PipelinedTile(columns: 64, itemColumns: 8, slab: 32, stages: 3, groups: 3),
    PipelinedTile(columns: 64, itemColumns: 8, slab: 16, stages: 3, groups: 3),
  ]
}

extension DenseConvolution {
  /// The tiles that the device admits and that suit; empty where the kernel cannot run.
  func pipelinedTiles(_ traits: DeviceTraits) -> [PipelinedTile] {
    guard traits.rungs.contains(.pipelined), type == .float32, channels % 4 == 0, (second?.channels ?? 0) % 4 == 0,
      taps <= 32, isAddressable(depth: taps * quotient(channels, 32) * 32 + quotient(second?.channels ?? 0, 32) * 32)
    else { return [] }
    return PipelinedTile.all.filter {
      traits.admits(tile: $0.name, localBytes: $0.localBytes) && (traits.isForced($0.name) || suits($0))
    }
  }

  /// The launches of those tiles.
  func pipelined(_ traits: DeviceTraits) -> [KernelLaunch] {
    let tiles = pipelinedTiles(traits)
    if tiles.isEmpty { return [] }
    let shift = KernelLaunch.Argument.packed(FilterPacking.bias(bias, groups: 1, outputs: outputs, width: 1))
    var filters: [Int: KernelLaunch.Argument] = [:]
    return tiles.map { tile in
      let firstDepth = taps * quotient(channels, tile.slab) * tile.slab
      let depth = firstDepth + quotient(second?.channels ?? 0, tile.slab) * tile.slab
      let packed =
        filters[tile.slab]
        ?? .packed(
          FilterPacking.rows(
            filter, outputs: outputs, taps: taps, channels: channels, slab: tile.slab, isTransposed: isTransposed,
            second: second?.filter))
      filters[tile.slab] = packed
      var launch = KernelLaunch(
        "nvidia/convolve_pipelined.cl", "convolve_pipelined",
        defines: tile.defines + [.init("SECOND", second == nil ? 0 : 1)],
        arguments: [
          input, packed, shift, residual, output, .int(pixels), .int(depth), .int(height), .int(width), .int(channels),
          .int(outHeight), .int(outWidth), .int(outputs),
          .int(window.rows),
        ] + placement + secondArguments(firstDepth) + activation.launchArguments,
        globalSize: [quotient(outputs, tile.columns) * tile.items, quotient(pixels, tile.rows)],
        localSize: [tile.items, 1])
      launch.tile = tile.name
      // Measured on 9.0; the assembler for 8.0 would spill a few bytes to obey.
      if traits.computeCapability >= 90 { launch.edit = ProgramEdit(groupsPerUnit: tile.groups) }
      return launch
    }
  }

  private func suits(_ tile: PipelinedTile) -> Bool {
    if outputs <= 64 { return tile.columns <= 64 }
    // Few pixels make few groups of 128 x 128: halves then fill the device better.
    return tile.columns > 64 || pixels * outputs < 1 << 24
  }
}
