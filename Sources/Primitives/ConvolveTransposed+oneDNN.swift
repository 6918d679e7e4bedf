// The transposed convolution by oneDNN's deconvolution. The padding after the image follows from the output's extent.

import COneDNN
import Compute
import Tensors

extension ConvolveTransposed {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    let list = context.list
    guard let type = OneDNN.type(list[input].type), let weights = list.tensor(of: filter) else { return nil }
    let shift = bias.flatMap { list.tensor(of: $0) }
    let (inputShape, outputShape) = (list[input].shape, list[output].shape)
    var window = window
    window.bottom =
      (inputShape[1] - 1) * window.strideRows + (window.rows - 1) * window.dilationRows + 1 - window.top
      - outputShape[1]
    window.right =
      (inputShape[2] - 1) * window.strideColumns + (window.columns - 1) * window.dilationColumns + 1 - window.left
      - outputShape[2]
    let make = { [window] (post: OneDNN.PostOperations) throws(OneDNNError) -> OneDNNOperation in
      var source = try OneDNN.images(inputShape, type)
      var target = try OneDNN.images(outputShape, type)
      let format = FilterFormat(shape: weights.shape, groups: groups)
      var packed = try OneDNN.memory(format.extents, type, strides: nil)
      var shiftFormat = try OneDNN.memory([weights.shape[0]], dnnl_f32, strides: [1])
      var convolution = dnnl_deconvolution_desc_t()
      try OneDNN.check(
        window.withOneDNN { stride, dilation, before, after in
          dnnl_dilated_deconvolution_forward_desc_init(
            &convolution, dnnl_forward_inference, dnnl_deconvolution_direct, &source, &packed,
            shift == nil ? nil : withUnsafePointer(to: &shiftFormat) { $0 }, &target, stride, dilation, before, after)
        }, "dnnl_dilated_deconvolution_forward_desc_init")
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
      residual: nil, activation: activation, make: make
    ).prepare(context)
  }
}
