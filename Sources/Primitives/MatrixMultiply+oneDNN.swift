// The matrix product by oneDNN's matmul. A constant right operand is packed once into the format that the kernel asks
// for; batches that lie one behind the other under a common right operand become rows of one product; other batches run
// one after the other.

import COneDNN
import Compute
import Tensors

extension MatrixMultiply {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    let list = context.list
    guard let type = OneDNN.type(list[output].type), list[left].type == list[output].type else { return nil }
    let sharedRight = rightBatchStrides.allSatisfy { $0 == 0 }
    let constant = sharedRight ? list.tensor(of: right) : nil
    guard constant != nil || list[right].type == list[output].type else { return nil }
    let folds = sharedRight && !transposeLeft && leftBatchStrides == denseStrides(batchShape, inner: m * k)
    let rows = folds ? batchShape.reduce(m, *) : m
    let shift = bias.flatMap { list.tensor(of: $0) }
    var offsets: [[Int]] = []
    if !folds {
      forEachIndex(batchShape) { offsets.append([place($0, leftBatchStrides), place($0, rightBatchStrides)]) }
    }
    let make = { (post: OneDNN.PostOperations) throws(OneDNNError) -> OneDNNOperation in
      if folds, let constant, let product = try pointwise(constant, shift, type, post) { return product }
      let rightStrides = transposeRight ? [1, k] : [n, 1]
      var source = try OneDNN.memory([rows, k], type, strides: transposeLeft ? [1, m] : [k, 1])
      var weights = try OneDNN.memory([k, n], type, strides: constant == nil ? rightStrides : nil)
      var target = try OneDNN.memory([rows, n], type, strides: [n, 1])
      var shiftFormat = try OneDNN.memory([1, n], dnnl_f32, strides: [n, 1])
      var product = dnnl_matmul_desc_t()
      try OneDNN.check(
        dnnl_matmul_desc_init(
          &product, &source, &weights, shift == nil ? nil : withUnsafePointer(to: &shiftFormat) { $0 }, &target),
        "dnnl_matmul_desc_init")
      let operation = try OneDNNOperation(post) { attributes, description in
        dnnl_primitive_desc_create(&description, &product, attributes, OneDNN.engine, nil)
      }
      if let constant {
        try operation.pack(
          constant, as: OneDNN.memory([k, n], dnnl_f32, strides: rightStrides),
          to: operation.wanted(dnnl_query_weights_md), argument: DNNL_ARG_WEIGHTS)
      }
      if let shift { try operation.pack(shift, as: shiftFormat, to: shiftFormat, argument: DNNL_ARG_BIAS) }
      return operation
    }
    var operands: [(argument: CInt, query: dnnl_query_t, value: Value)] = [(DNNL_ARG_SRC, dnnl_query_src_md, left)]
    if constant == nil { operands.append((DNNL_ARG_WEIGHTS, dnnl_query_weights_md, right)) }
    return OneDNNStep(
      key: "\(Self.name) \(output.index)", operands: operands, output: output, residual: residual,
      activation: activation, make: make, offsets: offsets
    ).prepare(context)
  }

  /// The product as a 1x1 convolution with a sample per image, where oneDNN's matmul would be its general `gemm`; nil
  /// where it is not.
  ///
  /// `gemm` treats the last rows of a matrix differently: on AVX2 a sample's logits depended on its slot (K = 70, N =
  /// 100, slot 7 of 8). A convolution computes every image by the same code. A sample is a matrix of the batch or,
  /// without batch dimensions, a row.
  private func pointwise(
    _ right: Tensor, _ shift: Tensor?, _ type: dnnl_data_type_t, _ post: OneDNN.PostOperations
  ) throws(OneDNNError) -> OneDNNOperation? {
    let samples = batchShape.isEmpty ? m : batchShape.reduce(1, *)
    let rows = batchShape.isEmpty ? 1 : m
    var left = try OneDNN.memory([samples * rows, k], type, strides: [k, 1])
    var packed = try OneDNN.memory([k, n], type, strides: nil)
    var target = try OneDNN.memory([samples * rows, n], type, strides: [n, 1])
    var product = dnnl_matmul_desc_t()
    try OneDNN.check(dnnl_matmul_desc_init(&product, &left, &packed, nil, &target), "dnnl_matmul_desc_init")
    let general = try OneDNNOperation(OneDNN.PostOperations()) { attributes, description in
      dnnl_primitive_desc_create(&description, &product, attributes, OneDNN.engine, nil)
    }
    guard general.implementation.hasPrefix("gemm") else { return nil }
    var source = try OneDNN.images([samples, 1, rows, k], type)
    var result = try OneDNN.images([samples, 1, rows, n], type)
    var weights = try OneDNN.memory([n, k, 1, 1], type, strides: nil)
    var shiftFormat = try OneDNN.memory([n], dnnl_f32, strides: [1])
    var convolution = dnnl_convolution_desc_t()
    try OneDNN.check(
      Window(rows: 1, columns: 1).withOneDNN { stride, dilation, before, after in
        dnnl_dilated_convolution_forward_desc_init(
          &convolution, dnnl_forward_inference, dnnl_convolution_direct, &source, &weights,
          shift == nil ? nil : withUnsafePointer(to: &shiftFormat) { $0 }, &result, stride, dilation, before, after)
      }, "dnnl_dilated_convolution_forward_desc_init")
    let operation = try OneDNNOperation(post) { attributes, description in
      dnnl_primitive_desc_create(&description, &convolution, attributes, OneDNN.engine, nil)
    }
    let given = try OneDNN.memory([n, k, 1, 1], dnnl_f32, strides: transposeRight ? [k, 1, 1, 1] : [1, n, 1, 1])
    try operation.pack(right, as: given, to: operation.wanted(dnnl_query_weights_md), argument: DNNL_ARG_WEIGHTS)
    if let shift { try operation.pack(shift, as: shiftFormat, to: shiftFormat, argument: DNNL_ARG_BIAS) }
    return operation
  }
}

/// The strides of matrices of `inner` elements that lie one behind the other.
func denseStrides(_ extents: [Int], inner: Int) -> [Int] {
  var strides: [Int] = []
  var stride = inner
  for extent in extents.reversed() {
    strides.insert(stride, at: 0)
    stride *= extent
  }
  return strides
}
