// Launches of nvidia/convolve_tensor.cl: 16-bit activations on tensor cores, by mma.sync (R3) and wgmma (R4).

import Compute
import Tensors

/// How a work-group of nvidia/convolve_tensor.cl covers its outputs. The fields are the kernel's definitions.
struct TensorTile: Sendable {
  var rows = 128
  var columns: Int
  var warps: Int
  /// Warps side by side; only of mma.sync.
  var across = 1
  var stages: Int
  var lags = false
  var isOnce = false
  var hasEpilogue = false
  var isPacked = false
  var isWarpgroup = false

  /// The name in self-tests, caches and certificates.
  var name: String {
    let form = "\(rows)x\(columns)w\(warps)s\(stages)"
    let extras = (lags ? "l" : "") + (isOnce ? "o" : "") + (hasEpilogue ? "e" : "") + (isPacked ? "p" : "")
    return (isWarpgroup ? "wgmma" : "mma") + form + extras
  }

  /// The bytes of local memory that the kernel declares.
  var localBytes: Int {
    let staged = stages * (rows + columns) * 128
    let tile = rows * columns * 2
    return (hasEpilogue ? staged + tile : max(staged, tile)) + (isPacked ? 64 : 0)
  }

  var defines: [KernelLaunch.Define] {
    [
      .init("ROWS", rows), .init("COLUMNS", columns), .init("WARPS", warps), .init("ACROSS", across),
      .init("STAGES", stages), .init("LAG", lags ? 1 : 0), .init("ONCE", isOnce ? 1 : 0),
      .init("EPILOGUE", hasEpilogue ? 1 : 0), .init("PACKED", isPacked ? 1 : 0),
      .init("WARPGROUP", isWarpgroup ? 1 : 0),
    ]
  }

  /// Whether the tile is worth trying on a layer: `slabs` of 64 k values, so many outputs.
  func suits(slabs: Int, outputs: Int) -> Bool {
    if isOnce && slabs > stages { return false }
    if isWarpgroup {
      // Below 256 k values a layer is bound by memory, and mma.sync is as fast.
      return slabs >= 4 && (columns <= 64 || outputs > columns / 2)
    }
    return columns <= 64 ? outputs <= 64 || slabs >= 8 : outputs > 64
  }

  /// The tiles, best guess first; eight programs came within 2 % of thirty (prototypes/convolution, section 4).
  static let all: [TensorTile] = [
    TensorTile(columns: 256, warps: 8, stages: 4, lags: true, isPacked: true, isWarpgroup: true),
    TensorTile(columns: 128, warps: 8, stages: 3, isPacked: true, isWarpgroup: true),
    TensorTile(columns: 64, warps: 8, stages: 4, isWarpgroup: true),
    TensorTile(columns: 128, warps: 8, across: 4, stages: 1, isOnce: true, hasEpilogue: true),
    TensorTile(columns: 128, warps: 8, across: 4, stages: 2, isOnce: true, hasEpilogue: true),
    TensorTile(columns: 128, warps: 8, across: 4, stages: 3), TensorTile(columns: 128, warps: 4, across: 2, stages: 3),
    TensorTile(columns: 64, warps: 4, across: 2, stages: 1, isOnce: true),
    TensorTile(columns: 64, warps: 4, across: 2, stages: 3), TensorTile(columns: 64, warps: 4, across: 2, stages: 2),
  ]
}

extension DenseConvolution {
  /// The k values before those of the second source, in slabs of 64 of one tap.
  private var firstDepth: Int { taps * quotient(channels, 64) * 64 }
  private var depth: Int { firstDepth + quotient(second?.channels ?? 0, 64) * 64 }

  /// The tiles that the device admits and that suit; empty where the kernel cannot run.
  func tensorTiles(_ traits: DeviceTraits) -> [TensorTile] {
    guard traits.rungs.contains(.tensor), type != .float32, channels % 8 == 0, (second?.channels ?? 0) % 8 == 0,
      outputs % 8 == 0, taps <= 32, isAddressable(depth: depth)
    else { return [] }
    let slabs = depth / 64
    return TensorTile.all.filter { tile in
      if tile.isWarpgroup && !(traits.rungs.contains(.warpgroup) && traits.computeCapability == 90) { return false }
      if tile.isOnce && slabs > tile.stages { return false }
      return traits.admits(tile: tile.name, localBytes: tile.localBytes)
        && (traits.isForced(tile.name) || tile.suits(slabs: slabs, outputs: outputs))
    }
  }

  /// The launches of those tiles.
  func tensor(_ traits: DeviceTraits) -> [KernelLaunch] {
    let tiles = tensorTiles(traits)
    if tiles.isEmpty { return [] }
    let shift = KernelLaunch.Argument.packed(FilterPacking.bias(bias, groups: 1, outputs: outputs, width: 1))
    var filters: [Int: KernelLaunch.Argument] = [:]
    return tiles.map { tile in
      let key = tile.isPacked ? tile.columns : 0
      let packed =
        filters[key]
        ?? .packed(
          FilterPacking.slabs(
            filter, outputs: outputs, taps: taps, channels: channels, type: type, isTransposed: isTransposed,
            second: second?.filter, tileColumns: tile.isPacked ? tile.columns : nil))
      filters[key] = packed
      var launch = KernelLaunch(
        "nvidia/convolve_tensor.cl", "convolve_tensor",
        defines: tile.defines + [.init("SECOND", second == nil ? 0 : 1)] + storage,
        arguments: [
          input, packed, shift, residual, output, .int(pixels), .int(depth), .int(height), .int(width),
          .int(channels), .int(pixelStride ?? channels), .int(outHeight), .int(outWidth), .int(outputs),
        ] + placement + secondArguments(firstDepth) + activation.launchArguments,
        globalSize: [quotient(outputs, tile.columns) * tile.warps * 32, quotient(pixels, tile.rows)],
        localSize: [tile.warps * 32, 1])
      launch.tile = tile.name
      if tile.isWarpgroup { launch.edit = ProgramEdit(usesArchitecture: true) }
      return launch
    }
  }
}
