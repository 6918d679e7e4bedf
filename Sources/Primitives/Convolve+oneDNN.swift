// The convolution by oneDNN: channels-last activations, filters packed once into the format that the kernel asks for,
// bias, residual and activation fused. The algorithm is `convolution_direct`, never Winograd, whose error the bounds of
// reference/soundness.md 1.3 do not cover.

import COneDNN
import Compute
import Tensors

extension Convolve {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    let list = context.list
    guard let type = OneDNN.type(list[input].type), let weights = list.tensor(of: filter) else { return nil }
    let shift = bias.flatMap { list.tensor(of: $0) }
    let make = { (post: OneDNN.PostOperations) throws(OneDNNError) -> OneDNNOperation in
      var source = try OneDNN.images(list[input].shape, type)
      var target = try OneDNN.images(list[output].shape, type)
      let format = FilterFormat(shape: weights.shape, groups: groups)
      var packed = try OneDNN.memory(format.extents, type, strides: nil)
      var shiftFormat = try OneDNN.memory([weights.shape[0]], dnnl_f32, strides: [1])
      var convolution = dnnl_convolution_desc_t()
      try OneDNN.check(
        window.withOneDNN { stride, dilation, before, after in
          dnnl_dilated_convolution_forward_desc_init(
            &convolution, dnnl_forward_inference, dnnl_convolution_direct, &source, &packed,
            shift == nil ? nil : withUnsafePointer(to: &shiftFormat) { $0 }, &target, stride, dilation, before, after)
        }, "dnnl_dilated_convolution_forward_desc_init")
      let operation = try OneDNNOperation(post) { attributes, description in
        dnnl_primitive_desc_create(&description, &convolution, attributes, OneDNN.engine, nil)
      }
      try operation.pack(
        weights, as: OneDNN.memory(format.extents, dnnl_f32, strides: format.strides),
        to: operation.wanted(dnnl_query_weights_md), argument: DNNL_ARG_WEIGHTS)
      if let shift { try operation.pack(shift, as: shiftFormat, to: shiftFormat, argument: DNNL_ARG_BIAS) }
      return operation
    }
    return OneDNNStep(
      key: "\(Self.name) \(output.index)", operands: [(DNNL_ARG_SRC, dnnl_query_src_md, input)], output: output,
      residual: residual, activation: activation, make: make
    ).prepare(context)
  }
}

/// A filter [outputs, rows, columns, inner] under oneDNN's order: (group,) output, inner, row, column.
struct FilterFormat {
  let extents: [Int]
  let strides: [Int]

  init(shape: [Int], groups: Int) {
    let (outputs, rows, columns, inner) = (shape[0], shape[1], shape[2], shape[3])
    let size = rows * columns * inner
    if groups == 1 {
      extents = [outputs, inner, rows, columns]
      strides = [size, 1, columns * inner, inner]
    } else {
      extents = [groups, outputs / groups, inner, rows, columns]
      strides = [outputs / groups * size, size, 1, columns * inner, inner]
    }
  }
}

extension Window {
  /// Lends stride, dilation (0 for dense windows) and padding in oneDNN's form.
  func withOneDNN<R>(
    _ body: (UnsafePointer<Int64>, UnsafePointer<Int64>, UnsafePointer<Int64>, UnsafePointer<Int64>) -> R
  ) -> R {
    OneDNN.withDimensions([strideRows, strideColumns]) { stride in
      OneDNN.withDimensions([dilationRows - 1, dilationColumns - 1]) { dilation in
        OneDNN.withDimensions([top, left]) { before in
          OneDNN.withDimensions([bottom, right]) { body(stride, dilation, before, $0) }
        }
      }
    }
  }
}
