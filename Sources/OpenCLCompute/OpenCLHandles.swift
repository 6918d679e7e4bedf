// Owners of OpenCL objects: each releases its object once, when the last reference to the owner goes.
//
// The OpenCL interface is thread-safe except for setting arguments of one kernel object; kernels here have their
// arguments set once, before they are shared, so the owners may cross threads.

import COpenCL
import Compute

/// A context of one device.
final class Context: @unchecked Sendable {
  let object: cl_context

  init(_ device: cl_device_id) throws(DeviceError) {
    var status: cl_int = 0
    var device: cl_device_id? = device
    let made = clCreateContext(nil, 1, &device, nil, nil, &status)
    try check(status, "clCreateContext")
    object = made!
  }

  deinit { clReleaseContext(object) }
}

/// An in-order command queue.
final class Queue: @unchecked Sendable {
  let object: cl_command_queue
  private let context: Context

  /// - Parameter isProfiled: whether the device's clock is read for every command.
  init(_ context: Context, _ device: cl_device_id, isProfiled: Bool = false) throws(DeviceError) {
    var status: cl_int = 0
    let properties = cl_command_queue_properties(isProfiled ? CL_QUEUE_PROFILING_ENABLE : 0)
    let made = clCreateCommandQueue(context.object, device, properties, &status)
    try check(status, "clCreateCommandQueue")
    object = made!
    self.context = context
  }

  deinit { clReleaseCommandQueue(object) }
}

/// A buffer in device memory of at least four bytes.
final class Buffer: @unchecked Sendable {
  let object: cl_mem
  let byteCount: Int

  init(_ context: Context, byteCount: Int) throws(DeviceError) {
    var status: cl_int = 0
    let made = clCreateBuffer(
      context.object, cl_mem_flags(CL_MEM_READ_WRITE), max(byteCount, 4), nil, &status)
    if status == CL_INVALID_BUFFER_SIZE {
      throw .outOfMemory(
        "the OpenCL device refuses a buffer of \(byteCount) bytes; use a smaller batch or another device")
    }
    try check(status, "clCreateBuffer")
    object = made!
    self.byteCount = byteCount
  }

  /// Copies host bytes in and waits until they are there.
  func write(_ bytes: UnsafeRawBufferPointer, offset: Int = 0, _ queue: Queue) throws(DeviceError) {
    if bytes.isEmpty { return }
    try check(
      clEnqueueWriteBuffer(
        queue.object, object, cl_bool(CL_TRUE), offset, bytes.count, bytes.baseAddress, 0, nil, nil),
      "clEnqueueWriteBuffer")
  }

  /// Sets all bytes to zero, which also makes the driver find the memory now rather than in the first run.
  func clear(_ queue: Queue) throws(DeviceError) {
    if byteCount == 0 { return }
    var zero: UInt8 = 0
    try check(
      clEnqueueFillBuffer(queue.object, object, &zero, 1, 0, byteCount, 0, nil, nil), "clEnqueueFillBuffer")
  }

  /// Sets all bytes to a repeated pattern; the byte count is rounded down to whole patterns.
  func fill(_ pattern: UInt32, _ queue: Queue) throws(DeviceError) {
    var pattern = pattern
    let whole = max(byteCount, 4) / 4 * 4
    try check(
      clEnqueueFillBuffer(queue.object, object, &pattern, 4, 0, whole, 0, nil, nil), "clEnqueueFillBuffer")
  }

  /// Copies bytes out and waits for them.
  func read(into bytes: UnsafeMutableRawBufferPointer, offset: Int = 0, _ queue: Queue) throws(DeviceError) {
    if bytes.isEmpty { return }
    try check(
      clEnqueueReadBuffer(
        queue.object, object, cl_bool(CL_TRUE), offset, bytes.count, bytes.baseAddress, 0, nil, nil),
      "clEnqueueReadBuffer")
  }

  deinit { clReleaseMemObject(object) }
}

/// A built program.
final class Program: @unchecked Sendable {
  let object: cl_program

  /// Takes over one reference to a program that was built.
  init(adopting object: cl_program) { self.object = object }

  deinit { clReleaseProgram(object) }
}

/// A kernel with arguments of its own.
final class Kernel: @unchecked Sendable {
  let object: cl_kernel
  private let program: Program

  init(_ program: Program, _ function: String) throws(DeviceError) {
    var status: cl_int = 0
    let made = clCreateKernel(program.object, function, &status)
    try check(status, "clCreateKernel(\(function))")
    object = made!
    self.program = program
  }

  func set<Number: BitwiseCopyable>(_ index: Int, _ number: Number) throws(DeviceError) {
    var number = number
    try check(clSetKernelArg(object, cl_uint(index), MemoryLayout<Number>.size, &number), "clSetKernelArg \(index)")
  }

  /// A buffer, or NULL.
  func set(_ index: Int, _ buffer: Buffer?) throws(DeviceError) {
    var memory: cl_mem? = buffer?.object
    try check(clSetKernelArg(object, cl_uint(index), MemoryLayout<cl_mem?>.size, &memory), "clSetKernelArg \(index)")
  }

  deinit { clReleaseKernel(object) }
}
