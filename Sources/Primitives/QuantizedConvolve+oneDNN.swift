// The convolution on levels by oneDNN's int8 kernels, which need VNNI: without it their 16-bit sums saturate, so the CPU
// device offers no int8 there. The order of the binary32 operations is the definition's, and the bits are equal.

import COneDNN
import Compute
import Tensors

extension QuantizedConvolve {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    let list = context.list
    guard let source = OneDNN.levelType(list[input].type), let target = OneDNN.levelType(list[output].type),
      let weights = list.tensor(of: filter), let shift = list.tensor(of: bias), let factors = list.tensor(of: scale)
    else { return nil }
    let make = { (post: OneDNN.PostOperations) throws(OneDNNError) -> OneDNNOperation in
      var images = try OneDNN.images(list[input].shape, source)
      var results = try OneDNN.images(list[output].shape, target)
      let format = FilterFormat(shape: weights.shape, groups: groups)
      var packed = try OneDNN.memory(format.extents, dnnl_s8, strides: nil)
      var shiftFormat = try OneDNN.memory([weights.shape[0]], dnnl_f32, strides: [1])
      var convolution = dnnl_convolution_desc_t()
      try OneDNN.check(
        window.withOneDNN { stride, dilation, before, after in
          dnnl_dilated_convolution_forward_desc_init(
            &convolution, dnnl_forward_inference, dnnl_convolution_direct, &images, &packed, &shiftFormat, &results,
            stride, dilation, before, after)
        }, "dnnl_dilated_convolution_forward_desc_init")
      var post = post
      post.outputScales = factors.floats
      if let residual, let type = OneDNN.levelType(list[residual].type) {
        post.sumScale = residualScale
        post.sumType = type
      }
      let operation = try OneDNNOperation(post) { attributes, description in
        dnnl_primitive_desc_create(&description, &convolution, attributes, OneDNN.engine, nil)
      }
      try operation.pack(
        weights, as: OneDNN.memory(format.extents, dnnl_s8, strides: format.strides),
        to: operation.wanted(dnnl_query_weights_md), argument: DNNL_ARG_WEIGHTS)
      try operation.pack(shift, as: shiftFormat, to: shiftFormat, argument: DNNL_ARG_BIAS)
      return operation
    }
    return OneDNNStep(
      key: "\(Self.name) \(output.index)", operands: [(DNNL_ARG_SRC, dnnl_query_src_md, input)], output: output,
      residual: residual, activation: list[output].type == .uint8 ? activation.beyondBytes : activation, make: make
    ).prepare(context)
  }
}

extension FusedActivation {
  /// What is left of the activation where the result is stored as a byte from 0 to 255: that range is a clip already.
  fileprivate var beyondBytes: FusedActivation {
    switch self {
    case .none, .relu: .none
    case .clip(let low, let high): low <= 0 && high >= 255 ? .none : self
    }
  }
}
