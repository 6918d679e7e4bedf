// Launches of nvidia/convolve_rows.cl: 3 x 3 windows of stride 1 on 64 channels, by wgmma (R4).

import Compute
import Tensors

/// How nvidia/convolve_rows.cl cuts images.
enum RowsTile {
  static let name = "wgmmarows64"
  /// The widest row that a warpgroup takes, with a column of zeros on each side.
  static let widest = 62

  /// The bytes of local memory for rows of a width.
  static func localBytes(width: Int) -> Int {
    let rowBytes = 8 * ((width + 2) | 1) * 16
    return 9 * 8192 + 12 * rowBytes + 1024 + 4 * width * 128 + 64
  }

  /// Rows of a strip: about 28, a multiple of four, in strips of equal length.
  static func strip(height: Int) -> Int {
    let strips = max(1, (height + 14) / 28)
    return max(8, quotient(quotient(height, strips), 4) * 4)
  }
}

extension DenseConvolution {
  /// The launch by rows; nil where the kernel cannot run.
  func rows(_ traits: DeviceTraits) -> KernelLaunch? {
    let wanted = Window(rows: 3, columns: 3, top: 1, left: 1, bottom: 1, right: 1)
    guard traits.rungs.contains(.warpgroup), traits.computeCapability == 90, window == wanted, channels == 64,
      outputs == 64, width <= RowsTile.widest, case .none = residual, second == nil, pixelStride == nil,
      isAddressable(depth: 9 * 64),
      traits.admits(tile: RowsTile.name, localBytes: RowsTile.localBytes(width: width))
    else { return nil }
    let strip = RowsTile.strip(height: height)
    var launch = KernelLaunch(
      "nvidia/convolve_rows.cl", "convolve_rows",
      defines: [.init("WIDTH", width), .init("STRIP", strip)] + storage,
      arguments: [
        input,
        .packed(
          FilterPacking.slabs(filter, outputs: 64, taps: 9, channels: 64, type: type, tileColumns: 64)),
        .packed(FilterPacking.bias(bias, groups: 1, outputs: 64, width: 1)), output, .int(height),
      ] + activation.launchArguments,
      globalSize: [quotient(height, strip) * 512, images], localSize: [512, 1])
    launch.tile = RowsTile.name
    launch.edit = ProgramEdit(usesArchitecture: true)
    return launch
  }
}
