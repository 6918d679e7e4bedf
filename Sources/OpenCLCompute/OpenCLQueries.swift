// Questions to platforms and devices.

import COpenCL
import Compute

/// The text answer to a device query; empty where the device does not know it.
func text(_ device: cl_device_id, _ name: Int32) -> String {
  text { clGetDeviceInfo(device, cl_device_info(name), $0, $1, $2) }
}

/// The text answer to a platform query.
func platformText(_ platform: cl_platform_id, _ name: Int32) -> String {
  text { clGetPlatformInfo(platform, cl_platform_info(name), $0, $1, $2) }
}

/// The numeric answer to a device query; zero where the device does not know it.
func number<Answer: FixedWidthInteger & BitwiseCopyable>(
  _ device: cl_device_id, _ name: Int32, as _: Answer.Type
) -> Answer {
  var answer: Answer = 0
  let status = clGetDeviceInfo(device, cl_device_info(name), MemoryLayout<Answer>.size, &answer, nil)
  return status == CL_SUCCESS ? answer : 0
}

private func text(
  _ query: (Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>?) -> cl_int
) -> String {
  var size = 0
  guard query(0, nil, &size) == CL_SUCCESS, size > 0 else { return "" }
  var bytes = [UInt8](repeating: 0, count: size)
  guard query(size, &bytes, nil) == CL_SUCCESS else { return "" }
  let ended = bytes.prefix { $0 != 0 }
  return trimmed(String(decoding: ended, as: UTF8.self))
}

private func trimmed(_ text: String) -> String {
  var rest = text[...]
  while rest.first?.isWhitespace == true { rest.removeFirst() }
  while rest.last?.isWhitespace == true { rest.removeLast() }
  return String(rest)
}
