// Programs built once per (source, definitions), kept in memory and, as device binaries, on disk.
//
// A cache entry is the SHA-256 of the binary followed by the binary; its name is the SHA-256 of everything that the
// binary depends on: platform, device, driver, source text and options. An entry that is damaged or that the driver
// refuses is built again.

import COpenCL
import Compute
import Hashing
import Synchronization

/// The programs of one device.
final class ProgramStore: @unchecked Sendable {
  /// Where a program came from; tests look at it.
  enum Origin: Sendable { case source, disk }

  private struct Key: Hashable {
    let source: String
    let defines: [KernelLaunch.Define]
    let edit: ProgramEdit
  }

  private let context: Context
  private let device: cl_device_id
  private let deviceName: String
  private let baseOptions: String
  private let folder: String?
  private let compilesPTX: Bool
  private let programs = Mutex<[Key: Program]>([:])
  private let counts = Mutex<[Origin: Int]>([:])

  /// - Parameters:
  ///   - deviceName: platform, device and driver with their versions.
  ///   - compilesPTX: whether the device's binaries are PTX text, which edits can change.
  ///   - folder: where binaries are kept; nil for nowhere.
  init(
    _ context: Context, _ device: cl_device_id, deviceName: String, baseOptions: String, compilesPTX: Bool,
    folder: String?
  ) {
    self.compilesPTX = compilesPTX
    self.folder = folder
    self.context = context
    self.device = device
    self.deviceName = deviceName
    self.baseOptions = baseOptions
  }

  /// How many programs were built from source and how many came from the disk.
  var origins: [Origin: Int] { counts.withLock { $0 } }

  /// The program of a launch: a kernel file under definitions, edited where the device compiles to PTX.
  func program(_ launch: KernelLaunch) throws(DeviceError) -> Program {
    let key = Key(source: launch.source, defines: launch.defines, edit: compilesPTX ? launch.edit : .none)
    if let known = programs.withLock({ $0[key] }) { return known }
    let made = try build(
      text: try KernelText.program(launch.source), name: launch.source, defines: launch.defines, edit: key.edit)
    return programs.withLock { programs in
      if let known = programs[key] { return known }
      programs[key] = made
      return made
    }
  }

  /// Builds any kernel text, from the disk if it was built before.
  ///
  /// One build at a time in the whole process: PoCL 3.1 crashes when two contexts build at once.
  func build(
    text: String, name: String, defines: [KernelLaunch.Define], edit: ProgramEdit = .none
  ) throws(DeviceError) -> Program {
    let result: Result<Program, DeviceError> = Self.building.withLock { _ in
      do throws(DeviceError) {
        return .success(try buildAlone(text: text, name: name, defines: defines, edit: edit))
      } catch { return .failure(error) }
    }
    return try result.get()
  }

  private static let building = Mutex(())

  private func buildAlone(
    text: String, name: String, defines: [KernelLaunch.Define], edit: ProgramEdit
  ) throws(DeviceError) -> Program {
    let options = ([baseOptions] + defines.map { "-D\($0.name)=\($0.value)" }).joined(separator: " ")
    let digest = SHA256.text(Array((deviceName + "\n" + options + "\n\(edit)\n" + text).utf8))
    let file = folder.map { "\($0)/\(digest).bin" }
    if let file, let stored = CacheFolder.read(file), let binary = intact(stored), let program = load(binary, options) {
      counts.withLock { $0[.disk, default: 0] += 1 }
      return program
    }
    var program = try compile(text, name, options)
    if edit != .none { program = try edited(program, edit, name, options) }
    counts.withLock { $0[.source, default: 0] += 1 }
    if let file, let binary = binary(of: program) {
      _ = CacheFolder.write(SHA256.digest(binary) + binary, to: file)
    }
    return program
  }

  private func compile(_ text: String, _ name: String, _ options: String) throws(DeviceError) -> Program {
    var status: cl_int = 0
    let object = text.withCString { characters in
      var line: UnsafePointer<CChar>? = characters
      return clCreateProgramWithSource(context.object, 1, &line, nil, &status)
    }
    try check(status, "clCreateProgramWithSource")
    let program = Program(adopting: object!)
    var device: cl_device_id? = device
    status = clBuildProgram(program.object, 1, &device, options, nil, nil)
    if status == CL_BUILD_PROGRAM_FAILURE || status == CL_INVALID_BUILD_OPTIONS {
      throw .build(kernel: "\(name) (\(options))", log: log(of: program))
    }
    try check(status, "clBuildProgram(\(name))")
    return program
  }

  /// The program loaded again from its PTX text after an edit.
  private func edited(
    _ program: Program, _ edit: ProgramEdit, _ name: String, _ options: String
  ) throws(DeviceError) -> Program {
    // The text ends with a zero byte.
    guard let bytes = binary(of: program),
      let text = PTXText.edited(String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self), edit),
      let loaded = load(Array(text.utf8) + [0], options)
    else {
      // A number of work-groups is only a wish; without its instructions a program would compute zeros.
      if !edit.usesArchitecture { return program }
      throw .build(kernel: "\(name) (\(options), \(edit))", log: "(the compiled text could not be edited and loaded)")
    }
    return loaded
  }

  private func log(of program: Program) -> String {
    var size = 0
    clGetProgramBuildInfo(program.object, device, cl_program_build_info(CL_PROGRAM_BUILD_LOG), 0, nil, &size)
    var bytes = [UInt8](repeating: 0, count: size + 1)
    clGetProgramBuildInfo(program.object, device, cl_program_build_info(CL_PROGRAM_BUILD_LOG), size, &bytes, nil)
    let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    return text.isEmpty ? "(the compiler left no log)" : text
  }

  private func binary(of program: Program) -> [UInt8]? {
    var size = 0
    let sizes = cl_program_info(CL_PROGRAM_BINARY_SIZES)
    let binaries = cl_program_info(CL_PROGRAM_BINARIES)
    guard clGetProgramInfo(program.object, sizes, MemoryLayout<Int>.size, &size, nil) == CL_SUCCESS, size > 0
    else { return nil }
    var bytes = [UInt8](repeating: 0, count: size)
    let status = bytes.withUnsafeMutableBufferPointer { buffer in
      var address = buffer.baseAddress
      return clGetProgramInfo(program.object, binaries, MemoryLayout<UnsafeMutablePointer<UInt8>?>.size, &address, nil)
    }
    return status == CL_SUCCESS ? bytes : nil
  }

  /// The binary of a cache entry, or nil if the entry is damaged.
  private func intact(_ stored: [UInt8]) -> [UInt8]? {
    guard stored.count > 32 else { return nil }
    let binary = Array(stored[32...])
    return SHA256.digest(binary) == Array(stored[..<32]) ? binary : nil
  }

  /// A program from a binary, or nil if the driver does not accept it.
  private func load(_ binary: [UInt8], _ options: String) -> Program? {
    var status: cl_int = 0
    var accepted: cl_int = 0
    var device: cl_device_id? = device
    var length = binary.count
    let object = binary.withUnsafeBufferPointer { buffer in
      var address: UnsafePointer<UInt8>? = buffer.baseAddress
      return clCreateProgramWithBinary(context.object, 1, &device, &length, &address, &accepted, &status)
    }
    guard let object else { return nil }
    let program = Program(adopting: object)
    guard status == CL_SUCCESS, accepted == CL_SUCCESS,
      clBuildProgram(object, 1, &device, options, nil, nil) == CL_SUCCESS
    else { return nil }
    return program
  }
}
