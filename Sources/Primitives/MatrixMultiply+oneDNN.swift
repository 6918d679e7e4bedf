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
