// Finding OpenCL devices, also where a vendor's library is installed but no ICD file names it.
//
// A container often has libnvidia-opencl.so.1 from the driver mount but no /etc/OpenCL/vendors/nvidia.icd. ocl-icd reads
// OCL_ICD_VENDORS, which may name the library itself; it must be set before the first OpenCL call of the process.

import COpenCL
import Compute
import Glibc
import Synchronization

extension OpenCLDevice {
  /// All devices of all platforms, GPUs first, otherwise in the order of the platforms.
  ///
  /// Nothing touches OpenCL before the first call, which asks the platforms; later calls return the same objects, so
  /// that contexts, programs and self-tests are shared. Throws `unavailable` with a sentence when there is none.
  public static func all() throws(DeviceError) -> [OpenCLDevice] {
    let result: Result<[OpenCLDevice], DeviceError> = known.withLock { known in
      if let known { return .success(known) }
      do throws(DeviceError) {
        let found = try discover()
        known = found
        return .success(found)
      } catch { return .failure(error) }
    }
    return try result.get()
  }

  private static let known = Mutex<[OpenCLDevice]?>(nil)

  /// Devices that share nothing with those of `all()`.
  package static func discover() throws(DeviceError) -> [OpenCLDevice] {
    findVendorLibraries()
    var count: cl_uint = 0
    var status = clGetPlatformIDs(0, nil, &count)
    if status == CL_SUCCESS && count > 0 {
      var platforms = [cl_platform_id?](repeating: nil, count: Int(count))
      status = clGetPlatformIDs(count, &platforms, nil)
      try check(status, "clGetPlatformIDs")
      let found = platforms.compactMap { $0 }.flatMap { platform in devices(of: platform).map { (platform, $0) } }
      let usable = found.filter { number($0.1, CL_DEVICE_AVAILABLE, as: cl_bool.self) != 0 }
      let gpus = usable.filter { !isCPU($0.1) }
      let cpus = usable.filter { isCPU($0.1) }
      var result: [OpenCLDevice] = []
      for (platform, device) in gpus + cpus {
        result.append(OpenCLDevice(platform: platform, device: device, index: result.count))
      }
      if !result.isEmpty { return result }
    }
    let reason = count == 0 ? "no platform was found (\(statusName(status)))" : "the platforms offer no device"
    throw .unavailable(
      "no OpenCL device: \(reason). Install your GPU vendor's OpenCL driver, or, to run OpenCL on the processor, the "
        + "Debian package pocl-opencl-icd; or use the CPU device")
  }

  /// The device with the given number in `all()`.
  public static func device(_ index: Int) throws(DeviceError) -> OpenCLDevice {
    let devices = try all()
    guard devices.indices.contains(index) else {
      throw .unavailable(
        "there is no OpenCL device \(index); there are \(devices.count), counted from 0: "
          + devices.map { "\($0.index) \($0.name)" }.joined(separator: ", "))
    }
    return devices[index]
  }

  static func isCPU(_ device: cl_device_id) -> Bool {
    number(device, CL_DEVICE_TYPE, as: cl_device_type.self) & cl_device_type(CL_DEVICE_TYPE_CPU) != 0
  }

  private static func devices(of platform: cl_platform_id) -> [cl_device_id] {
    var count: cl_uint = 0
    let kinds = cl_device_type(CL_DEVICE_TYPE_CPU | CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_ACCELERATOR)
    guard clGetDeviceIDs(platform, kinds, 0, nil, &count) == CL_SUCCESS, count > 0 else { return [] }
    var devices = [cl_device_id?](repeating: nil, count: Int(count))
    guard clGetDeviceIDs(platform, kinds, count, &devices, nil) == CL_SUCCESS else { return [] }
    return devices.compactMap { $0 }
  }

  private static let hasSearched = Mutex(false)

  /// Points the loader at NVIDIA's library where that loads and no vendor file names it. Runs once per process.
  private static func findVendorLibraries() {
    hasSearched.withLock { searched in
      if searched { return }
      searched = true
      if getenv("OCL_ICD_VENDORS") != nil || getenv("OCL_ICD_FILENAMES") != nil { return }
      let folder = "/etc/OpenCL/vendors"
      let vendors = fileNames(in: folder)
      if vendors.contains(where: { contents(of: folder + "/" + $0).contains("nvidia") || $0.contains("nvidia") }) {
        return
      }
      let library = "libnvidia-opencl.so.1"
      let places = ["", "/usr/local/nvidia/lib64/", "/usr/local/nvidia/lib/", "/usr/lib/x86_64-linux-gnu/"]
      guard let place = places.first(where: { loads($0 + library) }) else { return }
      if vendors.isEmpty {
        setenv("OCL_ICD_VENDORS", place + library, 0)
        setenv("OCL_ICD_FILENAMES", place + library, 0)
      } else if let merged = mergedFolder(vendors, folder, place + library) {
        setenv("OCL_ICD_VENDORS", merged, 0)
        setenv("OPENCL_VENDOR_PATH", merged, 0)
      }
    }
  }

  private static func loads(_ library: String) -> Bool {
    guard let handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL) else { return false }
    dlclose(handle)
    return true
  }

  /// A folder in the cache with the vendor files found and one for NVIDIA, so that no platform is lost.
  private static func mergedFolder(_ vendors: [String], _ folder: String, _ library: String) -> String? {
    guard let cache = CacheFolder.path("vendors") else { return nil }
    for vendor in vendors where vendor.hasSuffix(".icd") {
      let text = Array(contents(of: folder + "/" + vendor).utf8)
      if !CacheFolder.write(text, to: cache + "/" + vendor) { return nil }
    }
    return CacheFolder.write(Array((library + "\n").utf8), to: cache + "/nvidia.icd") ? cache + "/" : nil
  }

  private static func fileNames(in folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }

  private static func contents(of path: String) -> String {
    String(decoding: CacheFolder.read(path) ?? [], as: UTF8.self)
  }
}
