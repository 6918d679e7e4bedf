// TensorProto to tensor: raw bytes, typed lists, or a range of a file beside the model.

import FoundationEssentials
import Inputs
import Operators
import Tensors

/// Reads the tensors of one model.
struct TensorReader {
  let path: String
  /// Where external data stands; nil if the model did not come from a file.
  let folder: String?

  /// The tensor of a message. Sizes are checked before anything is allocated.
  func tensor(_ message: ONNXTensorProto, name: String) throws(ImportError) -> Tensor {
    guard let type = ElementType(onnx: Int(message.dataType)) else {
      throw .malformed(
        path: path, reason: "the tensor \(name) has ONNX type \(message.dataType), which is not supported")
    }
    let shape = message.dims.map { Int($0) }
    var count = 1
    for extent in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard extent >= 0, !overflow, product <= 1 << 40 else {
        throw .malformed(path: path, reason: "the tensor \(name) has the shape \(shape)")
      }
      count = product
    }
    if message.dataLocation == 1 { return try external(message, shape: shape, type: type, count: count, name: name) }
    if message.hasRawData, !message.rawData.isEmpty || count == 0 {
      let raw = message.rawData
      try check(raw.count, count * type.size, "bytes", name)
      return Tensor(shape: shape, type: type) { bytes in _ = raw.copyBytes(to: bytes) }
    }
    switch type {
    case .float32:
      try check(message.floatData.count, count, "numbers", name)
      return Tensor(shape: shape, floats: message.floatData)
    case .float64:
      try check(message.doubleData.count, count, "numbers", name)
      return Tensor(shape: shape, type: type, elements: message.doubleData)
    case .int64:
      try check(message.int64Data.count, count, "numbers", name)
      return Tensor(shape: shape, type: type, elements: message.int64Data)
    case .uint64, .uint32:
      try check(message.uint64Data.count, count, "numbers", name)
      return type == .uint64
        ? Tensor(shape: shape, type: type, elements: message.uint64Data)
        : Tensor(shape: shape, type: type, elements: message.uint64Data.map { UInt32(truncatingIfNeeded: $0) })
    case .int32:
      try check(message.int32Data.count, count, "numbers", name)
      return Tensor(shape: shape, type: type, elements: message.int32Data)
    case .float16, .bfloat16:
      try check(message.int32Data.count, count, "numbers", name)
      return Tensor(shape: shape, type: type, elements: message.int32Data.map { UInt16(truncatingIfNeeded: $0) })
    case .int8, .uint8, .bool:
      try check(message.int32Data.count, count, "numbers", name)
      return Tensor(shape: shape, type: type, elements: message.int32Data.map { UInt8(truncatingIfNeeded: $0) })
    }
  }

  private func check(_ found: Int, _ wanted: Int, _ what: String, _ name: String) throws(ImportError) {
    guard found == wanted else {
      throw .malformed(path: path, reason: "the tensor \(name) has \(found) \(what) instead of \(wanted)")
    }
  }

  private func external(
    _ message: ONNXTensorProto, shape: [Int], type: ElementType, count: Int, name: String
  ) throws(ImportError) -> Tensor {
    var entries: [String: String] = [:]
    for entry in message.externalData { entries[entry.key] = entry.value }
    guard let location = entries["location"], !location.isEmpty else {
      throw .malformed(path: path, reason: "the external tensor \(name) does not say in which file it is")
    }
    guard !location.hasPrefix("/"), !location.split(separator: "/").contains("..") else {
      throw .malformed(
        path: path, reason: "the external tensor \(name) points outside the model's folder (\(location))")
    }
    guard let folder else {
      throw .malformed(path: path, reason: "the tensor \(name) is in the file \(location), which is not at hand")
    }
    func number(_ key: String, default value: Int) throws(ImportError) -> Int {
      guard let text = entries[key] else { return value }
      guard let number = Int(text), number >= 0 else {
        throw .malformed(path: path, reason: "the external tensor \(name) has the \(key) \(text)")
      }
      return number
    }
    let offset = try number("offset", default: 0)
    try check(try number("length", default: count * type.size), count * type.size, "bytes", name)
    do throws(InputError) {
      let bytes = try ByteSource(path: folder + "/" + location).read(at: offset, count: count * type.size)
      return Tensor(shape: shape, type: type) { target in target.copyBytes(from: bytes) }
    } catch {
      throw .unreadable(error.description)
    }
  }
}
