import Compute
import Tensors

extension MatrixMultiply {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    let storage = try list.storage(["STORED": output, "LEFT": left, "RIGHT": right], step: Self.name)
    if let rows = rowsOfSharedRight, let filter = try? list.constantFloats(right, step: Self.name) {
      if traits.usesVectors, storage.isEmpty, let launch = try vectorShared(list, traits, rows: rows, filter: filter) {
        return [launch]
      }
      if traits.usesTiles, list[left].type == list[output].type,
        let launches = try tiledShared(list, traits, rows: rows, filter: filter)
      {
        return launches
      }
    }
    let traits = traits.reading(storage)
    if traits.usesVectors && !transposeRight { return [vector(list)] }
    if traits.usesVectors && !transposeLeft { return [dots(list)] }
    if traits.usesTiles && traits.maximumWorkGroup >= 256 { return [tiled(list)] }
    return [direct(list, traits, storage)]
  }

  /// The number of rows when every batch multiplies dense left matrices with the same right matrix, so that the whole
  /// product is one matrix product; nil otherwise.
  private var rowsOfSharedRight: Int? {
    guard !transposeLeft, rightBatchStrides.allSatisfy({ $0 == 0 }) else { return nil }
    var dense = m * k
    for (extent, stride) in zip(batchShape, leftBatchStrides).reversed() {
      guard extent == 1 || stride == dense else { return nil }
      dense *= extent
    }
    return batchShape.reduce(m, *)
  }

  private var batches: Int { batchShape.reduce(1, *) }

  private var geometry: KernelLaunch.Argument {
    .geometry([batchShape.count] + batchShape + leftBatchStrides + rightBatchStrides)
  }

  private var operands: [KernelLaunch.Argument] {
    [.value(left), .value(right), .optional(bias), .optional(residual), .value(output), geometry]
  }

  private func direct(_ list: CommandList, _ traits: DeviceTraits, _ storage: [KernelLaunch.Define]) -> KernelLaunch {
    let count = list[output].count
    return .elements(
      "dense/matrix_direct.cl", "matrix_direct", defines: storage, count: count, traits,
      arguments: operands + [
        .uint64(UInt64(count)), .long(m), .long(n), .long(k), .long(transposeLeft ? 1 : k),
        .long(transposeLeft ? m : 1), .long(transposeRight ? 1 : n), .long(transposeRight ? k : 1),
      ] + activation.launchArguments)
  }

  /// A product with a constant matrix as a 1 x 1 convolution of one row of pixels; nil if the bias is computed.
  private func vectorShared(
    _ list: CommandList, _ traits: DeviceTraits, rows: Int, filter: Tensor
  ) throws(ShapeError) -> KernelLaunch? {
    var constantBias: Tensor?
    if let bias {
      guard let tensor = try? list.constantFloats(bias, step: Self.name) else { return nil }
      constantBias = tensor
    }
    let width = FilterPacking.panelWidth(outputs: n)
    let zeros = Tensor(shape: [k], type: .float32) { _ in }
    return .single(
      "dense/convolve_vector.cl", "convolve_vector\(width)", defines: traits.vectorDefines,
      over: [quotient(rows, width == 32 ? 8 : 16), quotient(n, width), 1],
      arguments: [
        .value(left),
        .packed(
          FilterPacking.panels(filter, groups: 1, outputs: n, k: k, width: width, isTransposed: !transposeRight)),
        .packed(FilterPacking.bias(constantBias, groups: 1, outputs: n, width: width)), .optional(residual),
        .packed(zeros), .value(output), .long(rows), .int(1), .int(rows), .int(k), .int(k), .int(1), .int(rows),
        .int(n), .int(1), .int(1), .int(1), .int(1), .int(1), .int(1), .int(0), .int(0), .int(1),
      ] + activation.launchArguments)
  }

  private func tiledShared(
    _ list: CommandList, _ traits: DeviceTraits, rows: Int, filter: Tensor
  ) throws(ShapeError) -> [KernelLaunch]? {
    var constantBias: Tensor?
    if let bias {
      guard let tensor = try? list.constantFloats(bias, step: Self.name) else { return nil }
      constantBias = tensor
    }
    return DenseConvolution(
      input: .value(left), filter: filter, isTransposed: !transposeRight, bias: constantBias,
      residual: .optional(residual), output: .value(output), images: 1, height: 1, width: rows, channels: k,
      outHeight: 1, outWidth: rows, outputs: n, window: Window(rows: 1, columns: 1), pixels: rows,
      activation: activation, type: list[output].type
    ).launches(traits)
  }

  private func vector(_ list: CommandList) -> KernelLaunch {
    .single(
      "dense/matrix_vector.cl", "matrix_vector", over: [quotient(m, 8), quotient(n, 16), batches],
      arguments: operands + [
        .long(m), .long(n), .long(k), .long(transposeLeft ? 1 : k), .long(transposeLeft ? m : 1), .long(n),
      ] + activation.launchArguments)
  }

  private func dots(_ list: CommandList) -> KernelLaunch {
    .single(
      "dense/matrix_vector.cl", "matrix_dots", over: [quotient(m, 4), quotient(n, 4), batches],
      arguments: operands + [.long(m), .long(n), .long(k), .long(k), .long(k)] + activation.launchArguments)
  }

  private func tiled(_ list: CommandList) -> KernelLaunch {
    KernelLaunch(
      "dense/matrix_tiled.cl", "matrix_tiled",
      arguments: operands + [
        .long(m), .long(n), .long(k), .long(transposeLeft ? 1 : k), .long(transposeLeft ? m : 1),
        .long(transposeRight ? 1 : n), .long(transposeRight ? k : 1),
      ] + activation.launchArguments,
      globalSize: [quotient(n, 64) * 16, quotient(m, 64) * 16, batches], localSize: [16, 16, 1])
  }
}
