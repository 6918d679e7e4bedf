// A thin layer over oneDNN's C interface: the engine, errors, memory descriptions and an operation that several
// instances of a command list share.
//
// Every operation is made with fpmath mode `strict` and its scratch memory handed in, so that one primitive may run on
// several threads at once. All calls come from threads that were set to one OpenMP thread (`OneDNN.useOneThread`): an
// operation is a plain function call, and the floating-point state of the caller is the state that it runs in.

import COneDNN
import Compute
import Glibc
import Tensors

/// A call of oneDNN that failed.
package struct OneDNNError: Error, CustomStringConvertible {
  package let description: String
}

package enum OneDNN {
  /// The CPU engine of this process.
  nonisolated(unsafe) static let engine: dnnl_engine_t? = {
    var engine: dnnl_engine_t?
    return dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success ? engine : nil
  }()

  /// Makes oneDNN run on the calling thread alone, now and in later calls from this thread.
  ///
  /// libgomp keeps the number of threads per calling thread; it is found at run time, since oneDNN's package names no
  /// OpenMP library. Returns false if oneDNN may still use other threads.
  @discardableResult
  package static func useOneThread() -> Bool {
    if dnnl_version().pointee.cpu_runtime == DNNL_RUNTIME_SEQ { return true }
    guard let symbol = dlsym(nil, "omp_set_num_threads") else { return false }
    unsafeBitCast(symbol, to: (@convention(c) (CInt) -> Void).self)(1)
    return true
  }

  /// Throws unless the status says success.
  static func check(_ status: dnnl_status_t, _ function: String) throws(OneDNNError) {
    if status == dnnl_success { return }
    throw OneDNNError(description: "oneDNN's \(function) failed with \(String(cString: dnnl_status2str(status)))")
  }

  /// oneDNN's name of an activation type, or nil where this device has no fast path.
  static func type(_ type: ElementType) -> dnnl_data_type_t? {
    switch type {
    case .float32: dnnl_f32
    case .bfloat16: dnnl_bf16
    default: nil
    }
  }

  /// oneDNN's name of the types that quantised convolutions read and write.
  static func levelType(_ type: ElementType) -> dnnl_data_type_t? {
    switch type {
    case .float32: dnnl_f32
    case .uint8: dnnl_u8
    case .int8: dnnl_s8
    default: nil
    }
  }

  /// A memory description with strides in elements; without strides the library chooses the format.
  static func memory(
    _ extents: [Int], _ type: dnnl_data_type_t, strides: [Int]?
  ) throws(OneDNNError) -> dnnl_memory_desc_t {
    var description = dnnl_memory_desc_t()
    let status = withDimensions(extents) { dimensions in
      if let strides {
        withDimensions(strides) {
          dnnl_memory_desc_init_by_strides(&description, CInt(extents.count), dimensions, type, $0)
        }
      } else {
        dnnl_memory_desc_init_by_tag(&description, CInt(extents.count), dimensions, type, dnnl_format_tag_any)
      }
    }
    try check(status, "dnnl_memory_desc_init")
    return description
  }

  /// Channels-last images [n, height, width, channels] under oneDNN's order (n, channels, height, width).
  static func images(_ shape: [Int], _ type: dnnl_data_type_t) throws(OneDNNError) -> dnnl_memory_desc_t {
    let (n, height, width, channels) = (shape[0], shape[1], shape[2], shape[3])
    return try memory(
      [n, channels, height, width], type,
      strides: [height * width * channels, 1, width * channels, channels])
  }

  /// Lends up to twelve dimensions in the form that the C interface wants.
  static func withDimensions<R>(_ dimensions: [Int], _ body: (UnsafePointer<Int64>) -> R) -> R {
    var padded = dimensions.map { Int64($0) }
    padded += Array(repeating: 0, count: max(0, Int(DNNL_MAX_NDIMS) - padded.count))
    return padded.withUnsafeBufferPointer { body($0.baseAddress!) }
  }

  /// The attributes of every primitive: strict arithmetic, scratch memory from the caller, the given post-operations.
  static func withAttributes<R>(
    _ postOperations: PostOperations, _ body: (dnnl_primitive_attr_t?) throws(OneDNNError) -> R
  ) throws(OneDNNError) -> R {
    var attributes: dnnl_primitive_attr_t?
    try check(dnnl_primitive_attr_create(&attributes), "dnnl_primitive_attr_create")
    defer { dnnl_primitive_attr_destroy(attributes) }
    try check(dnnl_primitive_attr_set_fpmath_mode(attributes, dnnl_fpmath_mode_strict), "set_fpmath_mode")
    try check(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user), "set_scratchpad_mode")
    var list: dnnl_post_ops_t?
    try check(dnnl_post_ops_create(&list), "dnnl_post_ops_create")
    defer { dnnl_post_ops_destroy(list) }
    if postOperations.sum {
      try check(
        dnnl_post_ops_append_sum_v2(list, postOperations.sumScale, postOperations.sumType), "dnnl_post_ops_append_sum")
    }
    if let (kind, alpha, beta) = postOperations.activation {
      try check(dnnl_post_ops_append_eltwise(list, 1, kind, alpha, beta), "dnnl_post_ops_append_eltwise")
    }
    try check(dnnl_primitive_attr_set_post_ops(attributes, list), "dnnl_primitive_attr_set_post_ops")
    if !postOperations.outputScales.isEmpty {
      let scales = postOperations.outputScales
      try check(
        dnnl_primitive_attr_set_output_scales(attributes, Int64(scales.count), 1 << 1, scales),
        "dnnl_primitive_attr_set_output_scales")
    }
    return try body(attributes)
  }

  /// What happens to a result before it is stored.
  struct PostOperations {
    var sum = false
    /// What the destination's old contents are multiplied with, and their type where it is another one of equal size.
    var sumScale: Float = 1
    var sumType = dnnl_data_type_undef
    /// A factor for each output channel, after bias and before everything else; empty: none.
    var outputScales: [Float] = []
    var activation: (dnnl_alg_kind_t, Float, Float)?
  }
}

/// A oneDNN memory object and, where it owns them, its bytes. Never written after `init` except by the primitive that
/// has it as its destination.
final class OneDNNMemory: @unchecked Sendable {
  let handle: dnnl_memory_t
  private var bytes: UnsafeMutableRawPointer?

  /// Wraps memory of somebody else.
  init(_ description: dnnl_memory_desc_t, at address: UnsafeMutableRawPointer?) throws(OneDNNError) {
    var description = description
    var made: dnnl_memory_t?
    try OneDNN.check(dnnl_memory_create(&made, &description, OneDNN.engine, address), "dnnl_memory_create")
    handle = made!
  }

  /// Allocates.
  convenience init(allocating description: dnnl_memory_desc_t) throws(OneDNNError) {
    var description = description
    let size = max(dnnl_memory_desc_get_size(&description), 64)
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
    do { try self.init(description, at: bytes) } catch {
      bytes.deallocate()
      throw error
    }
    self.bytes = bytes
  }

  deinit {
    dnnl_memory_destroy(handle)
    bytes?.deallocate()
  }
}

/// A primitive with its packed constants, shared by all instances of a prepared list.
final class OneDNNOperation: @unchecked Sendable {
  let primitive: dnnl_primitive_t
  private let description: dnnl_primitive_desc_t
  /// Constants by argument number.
  var constants: [CInt: OneDNNMemory] = [:]

  /// Takes a primitive description made by `make`.
  init(
    _ postOperations: OneDNN.PostOperations,
    make: (dnnl_primitive_attr_t?, inout dnnl_primitive_desc_t?) throws(OneDNNError) -> dnnl_status_t
  ) throws(OneDNNError) {
    var description: dnnl_primitive_desc_t?
    try OneDNN.withAttributes(postOperations) { (attributes) throws(OneDNNError) in
      try OneDNN.check(make(attributes, &description), "dnnl_primitive_desc_create")
    }
    var primitive: dnnl_primitive_t?
    let status = dnnl_primitive_create(&primitive, description)
    guard status == dnnl_success, let primitive, let description else {
      dnnl_primitive_desc_destroy(description)
      throw OneDNNError(description: "oneDNN could not make a primitive: \(String(cString: dnnl_status2str(status)))")
    }
    self.primitive = primitive
    self.description = description
  }

  deinit {
    dnnl_primitive_destroy(primitive)
    dnnl_primitive_desc_destroy(description)
  }

  /// The format that the primitive wants of an operand.
  func wanted(_ query: dnnl_query_t, _ index: CInt = 0) -> dnnl_memory_desc_t {
    dnnl_primitive_desc_query_md(description, query, index).pointee
  }

  /// The bytes of scratch memory of one call.
  var scratchBytes: Int {
    var md = wanted(dnnl_query_scratchpad_md)
    return dnnl_memory_desc_get_size(&md)
  }

  /// The library's name of the kernel, for example "jit:avx512_core".
  var implementation: String {
    var name: UnsafePointer<CChar>?
    dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &name)
    return name.map { String(cString: $0) } ?? ""
  }

  /// Converts a constant into the wanted format and type and keeps it under an argument number.
  func pack(
    _ tensor: Tensor, as given: dnnl_memory_desc_t, to wanted: dnnl_memory_desc_t, argument: CInt
  ) throws(OneDNNError) {
    let source = try tensor.withBytes { (bytes) throws(OneDNNError) in
      try OneDNNMemory(given, at: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }
    let target = try OneDNNMemory(allocating: wanted)
    var given = given
    var wanted = wanted
    let reorder = try OneDNNOperation(OneDNN.PostOperations()) { attributes, description in
      dnnl_reorder_primitive_desc_create(&description, &given, OneDNN.engine, &wanted, OneDNN.engine, attributes)
    }
    let scratch = Scratch()
    scratch.reserve(reorder.scratchBytes)
    let call = try OneDNNCall(reorder, scratch: scratch)
    try call.bind(DNNL_ARG_FROM, source)
    try call.bind(DNNL_ARG_TO, target)
    try call.execute()
    constants[argument] = target
    withExtendedLifetime(tensor) {}
  }
}

/// The arguments of one operation in one instance.
final class OneDNNCall {
  private let operation: OneDNNOperation
  private let scratch: Scratch
  private let stream: dnnl_stream_t
  private var memories: [OneDNNMemory] = []
  private var arguments: [dnnl_exec_arg_t] = []
  private var isReady = false

  init(_ operation: OneDNNOperation, scratch: Scratch) throws(OneDNNError) {
    self.operation = operation
    self.scratch = scratch
    var made: dnnl_stream_t?
    try OneDNN.check(
      dnnl_stream_create(&made, OneDNN.engine, dnnl_stream_default_flags.rawValue), "dnnl_stream_create")
    stream = made!
  }

  deinit { dnnl_stream_destroy(stream) }

  /// Binds an operand to memory.
  func bind(_ argument: CInt, _ memory: OneDNNMemory) throws(OneDNNError) {
    memories.append(memory)
    arguments.append(dnnl_exec_arg_t(arg: argument, memory: memory.handle))
  }

  /// Runs the operation on the calling thread and waits.
  func execute() throws(OneDNNError) {
    if !isReady {
      for (argument, memory) in operation.constants {
        arguments.append(dnnl_exec_arg_t(arg: argument, memory: memory.handle))
      }
      let own = try OneDNNMemory(operation.wanted(dnnl_query_scratchpad_md), at: scratch.address)
      memories.append(own)
      arguments.append(dnnl_exec_arg_t(arg: DNNL_ARG_SCRATCHPAD, memory: own.handle))
      isReady = true
    }
    try OneDNN.check(
      dnnl_primitive_execute(operation.primitive, stream, CInt(arguments.count), arguments), "dnnl_primitive_execute")
    try OneDNN.check(dnnl_stream_wait(stream), "dnnl_stream_wait")
  }
}
