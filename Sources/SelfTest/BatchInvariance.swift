// The classifier is one fixed function: what a sample gets must not depend on its slot in the batch, nor on its
// company.

import Compute
import Primitives
import Tensors

extension AgreementTable {
  /// Moves one sample through every slot of a batch, among strangers that change each time, and compares bits.
  ///
  /// The network has each kind of layer once: convolutions (image, 3x3, 1x1, strided, depthwise, with residual; in int8
  /// on levels), pooling, scaling, normalisation, softmax and a fully connected layer.
  public static func batchInvariance(
    devices: [any Device], batches: [Int] = [1, 2, 3, 4, 8]
  ) async -> [AgreementRow] {
    var rows: [AgreementRow] = []
    for device in devices {
      for precision in device.precisions {
        for batch in batches { rows.append(await invariance(device, precision, batch)) }
      }
    }
    return rows
  }

  private static func invariance(_ device: any Device, _ precision: Precision, _ batch: Int) async -> AgreementRow {
    var remark: String?
    do {
      let network = try SmallNetwork(batch: batch, precision: precision)
      let instance = try await device.prepare(network.list, instances: 1)[0]
      var expected: [UInt8]?
      for slot in 0..<batch {
        for company in 0..<2 {
          try instance.write(network.images(sample: 1, slot: slot, company: UInt64(company)), to: network.input)
          try await instance.run()
          let logits = try instance.read(network.output)
          let own = Array(logits[logits.count / batch * slot..<logits.count / batch * (slot + 1)])
          if let expected, expected != own {
            remark = "slot \(slot) of \(batch) differs from slot 0"
          }
          expected = expected ?? own
        }
      }
    } catch {
      remark = "\(error)"
    }
    return AgreementRow(
      primitive: "batch_invariance", name: "batch \(batch)", precision: precision, device: device.label,
      maximumError: 0,
      bound: 0, passes: remark == nil, remark: remark)
  }
}

/// A network with each kind of layer once, over images of 20 x 20 x 3.
private struct SmallNetwork {
  var list: CommandList
  let input: Value
  let output: Value
  private let precision: Precision
  private let batch: Int
  private static let imageCount = 20 * 20 * 3

  init(batch: Int, precision: Precision) throws(ShapeError) {
    self.precision = precision
    self.batch = batch
    let builder = CaseBuilder(seed: 7, precision: precision, magnitudes: false)
    let type = precision.elementType
    input = builder.list.input([batch, 20, 20, 3], type, name: "image")
    let convolve = {
      (input: Value, outputs: Int, size: Int, stride: Int, groups: Int, residual: Value?, activation: FusedActivation)
        throws(ShapeError) -> Value in
      let shape = builder.list[input].shape
      let pad = size / 2
      let window = Window(
        rows: size, columns: size, strideRows: stride, strideColumns: stride, top: pad, left: pad, bottom: pad,
        right: pad)
      let extents = [batch, window.outputRows(shape[1]), window.outputColumns(shape[2]), outputs]
      if precision == .int8 {
        return try builder.convolveLevels(
          input, extents, window, groups: groups, residual: residual, activation: activation)
      }
      let result = builder.list.transient(extents, type, name: "activation")
      try builder.append(
        Convolve(
          input: input, filter: builder.constant([outputs, size, size, shape[3] / groups], -0.3...0.3),
          bias: builder.constant([outputs]), residual: residual, output: result, window: window, groups: groups,
          activation: activation))
      return result
    }
    var image = input
    if precision == .int8 {
      image = builder.list.transient([batch, 20, 20, 3], .int8, name: "levels")
      try builder.append(Rescale(input: input, output: image, factor: 127))
    }
    let first = try convolve(image, 32, 3, 2, 1, nil, .relu)
    let second = try convolve(first, 32, 3, 1, 1, nil, .relu)
    let third = try convolve(second, 32, 1, 1, 1, first, .relu)
    let fourth = try convolve(third, 32, 3, 1, 32, nil, .clip(low: 0, high: 6))
    let fifth = try convolve(fourth, 70, 1, 2, 1, nil, .none)
    let scaled = builder.list.transient([batch, 5, 5, 70], type, name: "scaled")
    try builder.append(
      ScaleShift(
        input: fifth, scale: builder.constant([70]), shift: builder.constant([70]), output: scaled, rows: batch * 25,
        channels: 70, activation: .relu))
    let largest = builder.list.transient([batch, 3, 3, 70], type, name: "largest")
    try builder.append(
      Pool(
        kind: .maximum, input: scaled, output: largest,
        window: Window(rows: 3, columns: 3, strideRows: 2, strideColumns: 2, top: 1, left: 1, bottom: 1, right: 1)))
    let mean = builder.list.transient([batch, 1, 1, 70], type, name: "mean")
    try builder.append(
      Pool(kind: .average, input: largest, output: mean, window: Window(rows: 3, columns: 3)))
    let normal = builder.list.transient([batch, 70], type, name: "normal")
    try builder.append(
      NormalizeRows(
        input: mean, scale: builder.constant([70]), shift: nil, output: normal, rows: batch, columns: 70, epsilon: 1e-5)
    )
    let logits = builder.list.transient([batch, 100], type, name: "logits")
    try builder.append(
      MatrixMultiply(
        left: normal, right: builder.constant([70, 100]), bias: builder.constant([100]), output: logits, m: batch,
        n: 100,
        k: 70))
    output = builder.list.output([batch, 100], type, name: "probabilities")
    try builder.append(Softmax(input: logits, output: output, outer: batch, length: 100, inner: 1))
    list = builder.list
  }

  /// The bytes of a batch with one sample in a slot; the others depend on slot and company.
  func images(sample: UInt64, slot: Int, company: UInt64) -> [UInt8] {
    (0..<batch).flatMap { index in
      let seed = index == slot ? sample : 1000 + UInt64(slot * 64 + index) + company << 32
      let builder = CaseBuilder(seed: seed, precision: precision, magnitudes: false)
      _ = builder.input([Self.imageCount])
      return builder.inputs[0].1
    }
  }
}

extension CaseBuilder {
  /// A convolution on levels with random filters; the one without activation gives numbers.
  fileprivate func convolveLevels(
    _ input: Value, _ extents: [Int], _ window: Window, groups: Int, residual: Value?, activation: FusedActivation
  ) throws(ShapeError) -> Value {
    let shape = [extents[3], window.rows, window.columns, list[input].shape[3] / groups]
    let filter = (0..<shape.reduce(1, *)).map { _ in max(-127, Int8(truncatingIfNeeded: next() >> 40)) }
    let size = 6000 * Float(filter.count / shape[0]).squareRoot()
    let isLast = activation == .none
    let result = list.transient(extents, isLast ? .float32 : .uint8, name: "activation")
    try append(
      QuantizedConvolve(
        input: input, filter: list.constant(Tensor(shape: shape, type: .int8, elements: filter)),
        bias: constant([shape[0]], -size...size),
        scale: constant([shape[0]], (isLast ? 0.5 : 40) / size...(isLast ? 1 : 80) / size), residual: residual,
        residualScale: 0.5, output: result, window: window, groups: groups, activation: activation))
    return result
  }
}
