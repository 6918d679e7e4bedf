// Launches of nvidia/inverted_residual.cl: whole blocks of 16-bit activations on tensor cores (R3).

import Compute
import Tensors

/// How a work-group of nvidia/inverted_residual.cl covers its outputs. The fields are the kernel's definitions.
struct BlockTile: Sendable {
  var slab: Int
  var warpRows: Int
  var across = 1
  var down: Int
  /// How the two octets of a warp's 16 pixels lie: 0 side by side, 1 one below the other, 2 in two images.
  var mode = 0
  var buffers = 1
  var together = 2
  var shared = 1

  /// The name in self-tests, caches and certificates.
  var name: String {
    "blocks\(slab)r\(warpRows)x\(across)y\(down)p\(mode)b\(buffers)t\(together)w\(shared)"
  }

  var items: Int { across * down * shared * 32 }
  var tileHeight: Int { down * warpRows * (mode == 1 ? 2 : 1) }
  var tileWidth: Int { across * (mode == 0 ? 16 : 8) }
  var images: Int { mode == 2 ? 2 : 1 }

  var defines: [KernelLaunch.Define] {
    [
      .init("SLAB", slab), .init("WARP_ROWS", warpRows), .init("ACROSS", across), .init("DOWN", down),
      .init("MODE", mode), .init("BUFFERS", buffers), .init("TOGETHER", together), .init("SHARED", shared),
    ]
  }

  /// The tiles that were best for a block of MobileNetV2 or EfficientNet-Lite0 (prototypes/fused-blocks, section 2), and one
  /// with fewer sums in registers for the last blocks. How many strips a warp expands at once is what keeps them from
  /// spilling registers.
  static let all: [BlockTile] = [
    BlockTile(slab: 32, warpRows: 4, down: 4, together: 4),
    BlockTile(slab: 32, warpRows: 1, down: 4, mode: 1), BlockTile(slab: 16, warpRows: 2, down: 4),
    BlockTile(slab: 48, warpRows: 1, down: 4), BlockTile(slab: 16, warpRows: 1, down: 4),
    BlockTile(slab: 32, warpRows: 2, down: 7, buffers: 2), BlockTile(slab: 16, warpRows: 2, down: 7, together: 1),
    BlockTile(slab: 16, warpRows: 1, down: 7, mode: 1, buffers: 2, together: 4),
    BlockTile(slab: 64, warpRows: 2, down: 7), BlockTile(slab: 48, warpRows: 2, down: 7),
    BlockTile(slab: 48, warpRows: 2, down: 7, together: 1),
    BlockTile(slab: 16, warpRows: 1, down: 14, buffers: 2, together: 1),
    BlockTile(slab: 32, warpRows: 1, down: 14, buffers: 2, together: 1),
    BlockTile(slab: 32, warpRows: 2, down: 2, mode: 1, shared: 2),
    BlockTile(slab: 32, warpRows: 1, down: 4, mode: 1, together: 4, shared: 2),
    BlockTile(slab: 32, warpRows: 1, down: 7, mode: 2, together: 1),
    BlockTile(slab: 48, warpRows: 1, down: 7, mode: 2, buffers: 2, together: 1),
  ]
}

/// A block as the kernels see it: its sizes, which are compile-time definitions.
struct BlockShape {
  var type: ElementType
  var images: Int
  var input: Int
  var expanded: Int
  var output: Int
  /// The depthwise window.
  var size: Int
  var stride: Int
  var pad: Int
  /// The expanded map, and the result's.
  var height: Int
  var width: Int
  var outHeight: Int
  var outWidth: Int
  var hasResidual: Bool
  /// The expansion is the network's first convolution.
  var isStem: Bool

  /// The k values of the expansion in sixteens.
  var k16: Int { isStem ? 3 : quotient(input, 16) }
  var outputs16: Int { quotient(output, 16) }
  /// The words of two depthwise taps that a channel has.
  var pairWords: Int { size == 3 ? 8 : 16 }
  /// The padded image of a stem.
  var imageRows: Int { 2 * height + 2 }
  var imageColumns: Int { 2 * width + 2 }

  /// Nil where the kernel has no form for the steps.
  init?(_ block: InvertedResidual, _ list: CommandList) {
    let (expansion, depthwise, projection) = (block.expansion, block.depthwise, block.projection)
    let source = list[expansion.input].shape
    let map = list[depthwise.input].shape
    let result = list[projection.output].shape
    let first = expansion.window
    let window = depthwise.window
    images = source[0]
    type = list[projection.output].type
    (input, expanded, output) = (source[3], map[3], result[3])
    (size, stride, pad) = (window.rows, window.strideRows, window.top)
    (height, width, outHeight, outWidth) = (map[1], map[2], result[1], result[2])
    hasResidual = projection.residual != nil
    isStem = !first.isPoint
    // Copies are of 16 bytes.
    let chunk = type == .float32 ? 4 : 8
    let six = FusedActivation.clip(low: 0, high: 6)
    guard expansion.activation == six, depthwise.activation == six, projection.activation == .none,
      window.rows == window.columns, size == 3 || size == 5, stride <= 2,
      window.isUniform, window.left == pad, expanded % 16 == 0, output % chunk == 0,
      projection.residual.map({ $0 == expansion.input && stride == 1 && !isStem && input == output }) ?? true
    else { return nil }
    if isStem {
      guard first.rows == 3, first.columns == 3, first.strideRows == 2, first.isUniform, input <= 4 else { return nil }
    } else if input % chunk != 0 {
      return nil
    }
  }

  /// The bytes of local memory that the kernel declares with a tile.
  func localBytes(_ tile: BlockTile) -> Int {
    let strips = strips(tile)
    let haloHeight = (tile.tileHeight - 1) * stride + size
    let haloWidth = (tile.tileWidth - 1) * stride + size
    let inputBytes = isStem ? (2 * haloHeight + 1) * (haloWidth + 1) * 16 : strips * 16 * (k16 * 32 + 16)
    let slabs = tile.buffers * strips * 16 * (tile.slab * 2 + 16)
    let joined = tile.warpRows * 16 * 32 * tile.across * tile.down * (tile.shared - 1)
    let pitch = output / 8 % 2 == 1 ? output * 2 : output * 2 + 16
    return max(
      inputBytes + max(slabs, joined), tile.images * tile.tileHeight * tile.tileWidth * pitch)
  }

  /// The strips of 16 pixels of a tile with its halo.
  private func strips(_ tile: BlockTile) -> Int {
    let haloWidth = (tile.tileWidth - 1) * stride + size
    let slotWidth = stride == 1 ? haloWidth : (haloWidth + 1) / 2 * 2
    return quotient(tile.images * ((tile.tileHeight - 1) * stride + size) * slotWidth, 16)
  }

  /// Whether the kernel can run with a tile.
  func fits(_ tile: BlockTile) -> Bool {
    type != .float32 && expanded % tile.slab == 0 && (tile.slab / 16) % tile.shared == 0
      // The padded image of a stem is one image's.
      && !(isStem && tile.mode == 2)
      // A lane's mask of slots has 64 bits.
      && quotient(strips(tile), tile.items / 32) <= 32 && keepsRegisters(tile)
  }

  /// Whether a lane's sums stay in registers: no tile that this admits for a block of the usual networks spills any, by
  /// NVIDIA's own compiler for 8.0 and 9.0 (scripts/check-ptx.sh).
  private func keepsRegisters(_ tile: BlockTile) -> Bool {
    switch (tile.slab, tile.warpRows, tile.down) {
    case (_, 4..., _): output <= 32
    case (64, 2, 7): output <= 64
    case (48, 2, 7): output <= (tile.together == 1 ? 112 : 80)
    case (16, 2, 7): output <= 160 && (size == 3 || stride == 1)
    // 14 warps leave 128 registers a lane.
    case (32, 1, 14): output <= 64 || size == 5 && input > 96 && output <= 112
    case (32, 2, 2): output <= 160 && stride == 1
    default: tile.warpRows * output <= 320
    }
  }

  /// Whether a tile is worth trying.
  func suits(_ tile: BlockTile) -> Bool {
    switch outHeight {
    case 40...: tile.down == 4 && (tile.warpRows == 4) == isStem
    case 20..<40: tile.down == 7 && tile.mode < 2 || tile.down == 4 && tile.warpRows == 1
    case 10..<20: tile.mode == 0 && tile.down >= 7
    default:
      tile.mode == 2 || tile.shared == 2 || tile.down == 7 && tile.warpRows == 1
        // Wide outputs take most registers: this one needs the fewest.
        || output > 256 && tile.slab == 16 && tile.warpRows == 1 && tile.down == 4
    }
  }

  var defines: [KernelLaunch.Define] {
    [
      .init("IN", input), .init("EXPANDED", expanded), .init("OUT", output), .init("SIZE", size),
      .init("STRIDE", stride), .init("PAD", pad), .init("HEIGHT", height), .init("WIDTH", width),
      .init("OUT_HEIGHT", outHeight), .init("OUT_WIDTH", outWidth), .init("RESIDUAL", hasResidual ? 1 : 0),
      .init("STEM", isStem ? 1 : 0), .init("IMAGE_ROWS", imageRows), .init("IMAGE_COLUMNS", imageColumns),
    ]
  }
}

extension InvertedResidual: DeviceFusedPrimitive {
  func isTaken(_ list: CommandList, on traits: DeviceTraits) -> Bool {
    guard traits.usesTiles, let shape = BlockShape(self, list) else { return false }
    return !tiles(shape, traits).isEmpty
  }

  private func tiles(_ shape: BlockShape, _ traits: DeviceTraits) -> [BlockTile] {
    guard traits.rungs.contains(.tensor) else { return [] }
    return BlockTile.all.filter {
      shape.fits($0) && traits.admits(tile: $0.name, localBytes: shape.localBytes($0))
        && (traits.isForced($0.name) || shape.suits($0))
    }
  }

  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    guard let shape = BlockShape(self, list) else {
      throw ShapeError("\(Self.name) has no kernel for these steps; lists for OpenCL keep them")
    }
    let type = list[projection.output].type
    var launches: [KernelLaunch] = []
    var source = KernelLaunch.Argument.value(expansion.input)
    if shape.isStem {
      let problem = try expansion.denseConvolution(list)
      source = .scratch(shape.images * shape.imageRows * shape.imageColumns * 4 * type.size)
      launches.append(
        problem.spaceToDepth(
          to: source, rows: shape.imageRows, columns: shape.imageColumns / 2, strides: (1, 2), block: 8,
          channelPitch: 4,
          traits))
    }
    let choices = try tensorLaunches(shape, from: source, list, traits)
    guard var launch = choices.first else {
      throw ShapeError("\(Self.name) has no tile for these steps; lists for OpenCL keep them")
    }
    launch.alternatives = Array(choices.dropFirst())
    return launches + [launch]
  }

  private func tensorLaunches(
    _ shape: BlockShape, from source: KernelLaunch.Argument, _ list: CommandList, _ traits: DeviceTraits
  ) throws(ShapeError) -> [KernelLaunch] {
    let type = shape.type
    let weights = try BlockWeights(self, shape, list, type)
    return tiles(shape, traits).map { tile in
      let tiles = quotient(shape.outWidth, tile.tileWidth) * quotient(shape.outHeight, tile.tileHeight)
      var launch = KernelLaunch(
        "nvidia/inverted_residual.cl", "inverted_residual",
        defines: shape.defines + tile.defines + [.init("STORED", type.rawValue)],
        arguments: [source, .value(projection.output)] + weights.arguments + [.int(shape.images)],
        globalSize: [tiles * quotient(shape.images, tile.images) * tile.items], localSize: [tile.items])
      launch.tile = tile.name
      return launch
    }
  }
}

/// The weights of a block as operands of tensor cores.
private struct BlockWeights {
  let arguments: [KernelLaunch.Argument]

  init(
    _ block: InvertedResidual, _ shape: BlockShape, _ list: CommandList, _ type: ElementType
  ) throws(ShapeError) {
    let name = InvertedResidual.name
    func floats(_ value: Value?, padded count: Int) throws(ShapeError) -> KernelLaunch.Argument {
      let given =
        try value.map { (value) throws(ShapeError) in try list.constantFloats(value, step: name).floats } ?? []
      return .packed(Tensor(shape: [count], floats: given + [Float](repeating: 0, count: count - given.count)))
    }
    let expand = try list.constantFloats(block.expansion.filter, step: name).floats
    let depthwise = try list.constantFloats(block.depthwise.filter, step: name).floats
    let project = try list.constantFloats(block.projection.filter, step: name).floats
    let taps = shape.size * shape.size
    let encode = { (x: Float) -> UInt32 in UInt32(type == .bfloat16 ? bfloat16(x) : half(x)) }
    let input = shape.input
    // A stem's k is 16 row + 4 column + channel.
    let stem = { (output: Int, k: Int) -> Float in
      let (r, s, c) = (k / 16, k % 16 / 4, k % 4)
      return s < 3 && c < input ? expand[((output * 3 + r) * 3 + s) * input + c] : 0
    }
    let dense = { (output: Int, k: Int) -> Float in k < input ? expand[output * input + k] : 0 }
    let expanded = Self.operands(
      outputs16: shape.expanded / 16, k16: shape.k16, innermostK: true, encode, shape.isStem ? stem : dense)
    let projected = Self.operands(
      outputs16: shape.outputs16, k16: shape.expanded / 16, innermostK: false, encode
    ) { output, k in output < shape.output ? project[output * shape.expanded + k] : 0 }
    var pairs = [UInt32](repeating: 0, count: shape.expanded * shape.pairWords)
    for channel in 0..<shape.expanded {
      for tap in 0..<taps {
        pairs[channel * shape.pairWords + tap / 2] |= encode(depthwise[channel * taps + tap]) << (tap % 2 * 16)
      }
    }
    arguments = [
      .packed(Tensor(shape: [expanded.count], type: .uint32, elements: expanded)),
      try floats(block.expansion.bias, padded: shape.expanded),
      .packed(Tensor(shape: [pairs.count], type: .uint32, elements: pairs)),
      try floats(block.depthwise.bias, padded: shape.expanded),
      .packed(Tensor(shape: [projected.count], type: .uint32, elements: projected)),
      try floats(block.projection.bias, padded: shape.outputs16 * 16),
    ]
  }

  /// B operands of m16n8k16, two outputs' octets a lane: word w of a lane has k = 8 (w % 2) + 2 (lane % 4) and the next,
  /// and output 8 (w / 2) + lane / 4, of the sixteen outputs and sixteen k values of its place.
  private static func operands(
    outputs16: Int, k16: Int, innermostK: Bool, _ encode: (Float) -> UInt32,
    _ weight: (_ output: Int, _ k: Int) -> Float
  ) -> [UInt32] {
    var words: [UInt32] = []
    words.reserveCapacity(outputs16 * k16 * 128)
    for place in 0..<outputs16 * k16 {
      let (n, k) = innermostK ? (place / k16, place % k16) : (place % outputs16, place / outputs16)
      for lane in 0..<32 {
        for word in 0..<4 {
          let output = n * 16 + word / 2 * 8 + lane / 4
          let first = k * 16 + word % 2 * 8 + lane % 4 * 2
          words.append(encode(weight(output, first)) | encode(weight(output, first + 1)) << 16)
        }
      }
    }
    return words
  }
}
