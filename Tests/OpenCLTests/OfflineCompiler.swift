// NVIDIA's OpenCL compiler, put together from parts that need no device: clang as the front end, libnvvm as the
// optimiser and ptxas as the assembler. libnvvm and ptxas are NVIDIA's own, so that registers and spills are theirs; the
// driver's versions may differ.

import Compute
import FoundationEssentials
import Glibc
import OpenCLCompute
import TestSupport

struct OfflineCompiler {
  /// Clang that knows NVIDIA's target; PoCL's Debian package brings it.
  let clang: String
  let assembler: String
  private let optimiser: Optimiser

  /// Nil where a part is missing. `$SURETY_CLANG` and `$SURETY_PTXAS` come before what PATH has; libnvvm lies where
  /// toolkit and wheel keep it beside ptxas.
  static let shared: OfflineCompiler? = {
    guard let clang = tool("SURETY_CLANG", ["clang-15"]), let assembler = tool("SURETY_PTXAS", ["ptxas"]) else {
      return nil
    }
    let folder = URL(filePath: assembler).deletingLastPathComponent().deletingLastPathComponent().path
    guard let optimiser = Optimiser(folder + "/nvvm/lib64/libnvvm.so") else { return nil }
    return OfflineCompiler(clang: clang, assembler: assembler, optimiser: optimiser)
  }()

  private static func tool(_ variable: String, _ names: [String]) -> String? {
    if let path = getenv(variable) { return String(cString: path) }
    let folders = getenv("PATH").map { String(cString: $0).split(separator: ":").map(String.init) } ?? []
    return names.lazy.flatMap { name in folders.map { $0 + "/" + name } }.first { access($0, X_OK) == 0 }
  }

  /// Compiles a launch's program, edits it as the device does, and returns what the assembler says, or what failed.
  func log(of launch: KernelLaunch, capability: Int) throws -> String {
    let folder = try TemporaryFolder.make("ptx")
    defer { TemporaryFolder.remove(folder) }
    let (source, module, ptx) = (folder + "/kernel.cl", folder + "/kernel.ll", folder + "/kernel.ptx")
    try write(text(of: launch), to: source)
    let front = try Program(
      [
        "-x", "cl", "-cl-std=CL1.2", "--target=nvptx64-nvidia-nvcl", "-march=sm_80", "-Xclang", "-no-opaque-pointers",
        "-Xclang", "-disable-llvm-passes", "-fno-discard-value-names", "-O3", "-S", "-emit-llvm", "-DGPU=1",
        "-DNVIDIA=\(capability)", "-DASM=__asm__",
      ] + launch.defines.map { "-D\($0.name)=\($0.value)" } + [source, "-o", module], executable: clang
    ).finish()
    guard front.code == 0 else { return "clang failed: " + front.messages }
    let items = launch.localSize.reduce(1, *)
    let dialect = Self.dialect(String(decoding: try TestData.bytes(module), as: UTF8.self), items: items)
    let compiled: String
    switch optimiser.compile(dialect, options: ["-arch=compute_\(capability)", "-opt=3"]) {
    case .success(let text): compiled = Self.withoutLocalSizes(text)
    case .failure(let problem): return "libnvvm failed: " + problem.log
    }
    guard let edited = PTXText.edited(compiled, launch.edit) else { return "the PTX has no place for the edit" }
    try write(edited, to: ptx)
    let target = "sm_\(capability)" + (launch.edit.usesArchitecture ? "a" : "")
    let back = try Program(["-arch=" + target, "-v", ptx, "-o", folder + "/kernel.bin"], executable: assembler).finish()
    return back.code == 0 ? back.messages + back.output : "ptxas failed: " + back.messages + back.output
  }

  /// The program with what the driver's own headers would bring. The prelude's functions are inlined, so that those that
  /// are not used vanish with what they call.
  private func text(of launch: KernelLaunch) throws -> String {
    let shim = """
      #define get_local_id(d) ((size_t)__nvvm_read_ptx_sreg_tid_x())
      #define get_group_id(d) \\
        ((d) == 0 ? (size_t)__nvvm_read_ptx_sreg_ctaid_x() : (size_t)__nvvm_read_ptx_sreg_ctaid_y())
      #define barrier(fence) __syncthreads()
      #define fma(a, b, c) __builtin_fmaf(a, b, c)
      #define min(a, b) ((a) < (b) ? (a) : (b))
      #pragma clang attribute push(__attribute__((internal_linkage, always_inline)), apply_to = function)

      """
    return try shim
      + KernelText.program(launch.source)
      .replacing("#line 1 \"\(launch.source)\"", with: "#pragma clang attribute pop", maxReplacements: 1)
  }

  /// The front end's module in the dialect that libnvvm reads: LLVM 7 with typed pointers, a header of its own, and the
  /// work-group's size as the driver notes it.
  private static func dialect(_ module: String, items: Int) -> String {
    var lines: [String] = []
    for line in module.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("target datalayout") {
        lines.append(
          "target datalayout = \"e-p:64:64:64-i1:8:8-i8:8:8-i16:16:16-i32:32:32-i64:64:64-i128:128:128-f32:32:32-"
            + "f64:64:64-v16:16:16-v32:32:32-v64:64:64-v128:128:128-n16:32:64\"")
      } else if line.hasPrefix("target triple") {
        lines.append("target triple = \"nvptx64-nvidia-cuda\"")
      } else if ["!llvm.module.flags", "!llvm.ident", "!opencl."].contains(where: line.hasPrefix) {
        continue
      } else if line.hasPrefix("attributes #") {
        // Strings name features of targets; none is needed.
        lines.append(withoutNewAttributes(line.replacing(/"[^"]*"(="[^"]*")?/, with: "")))
      } else {
        lines.append(
          withoutNewAttributes(
            line
              .replacing(#/ !kernel_arg_\w+ !\d+/#, with: "").replacing(#/, !(?:tbaa|srcloc) !\d+/#, with: "")
              .replacing(#/= fneg (\w+) /#) { "= fsub \($0.output.1) -0.0, " }
              .replacing(#/, !"kernel", i32 1\}/#) { _ in
                ", !\"kernel\", i32 1, !\"reqntidx\", i32 \(items), !\"reqntidy\", i32 1, !\"reqntidz\", i32 1}"
              }))
      }
    }
    lines += ["!nvvmir.version = !{!99999}", "!99999 = !{i32 2, i32 0}"]
    return lines.joined(separator: "\n")
  }

  private static func withoutNewAttributes(_ line: some StringProtocol) -> String {
    let new = [
      "noundef", "immarg", "nofree", "nosync", "willreturn", "nocallback", "mustprogress", "dso_local", "spir_kernel",
      "spir_func",
    ]
    return new.reduce(String(line)) { $0.contains($1) ? $0.replacing(" " + $1, with: "") : $0 }
  }

  /// Without a driver the assembler keeps to 48 KB of static local memory.
  private static func withoutLocalSizes(_ ptx: String) -> String {
    ptx.replacing(/(\.shared \.align [^\[\n]*)\[\d+\]/) { "\($0.output.1)[49152]" }
  }

  private func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path))
  }
}

/// libnvvm by its C interface (nvvm.h).
private struct Optimiser: @unchecked Sendable {
  struct Problem: Error { var log: String }

  private typealias Handle = OpaquePointer?
  private typealias Text = UnsafeMutablePointer<CChar>
  private typealias Change = @convention(c) (UnsafeMutablePointer<Handle>) -> Int32
  private typealias Add = @convention(c) (Handle, UnsafePointer<CChar>, Int, UnsafePointer<CChar>) -> Int32
  private typealias Compile = @convention(c) (Handle, Int32, UnsafeMutablePointer<UnsafePointer<CChar>?>) -> Int32
  private typealias Size = @convention(c) (Handle, UnsafeMutablePointer<Int>) -> Int32
  private typealias Read = @convention(c) (Handle, Text) -> Int32
  private let create: Change
  private let destroy: Change
  private let add: Add
  private let compile: Compile
  private let logSize: Size
  private let log: Read
  private let resultSize: Size
  private let result: Read

  init?(_ path: String) {
    guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) else { return nil }
    func function<T>(_ name: String, as type: T.Type) -> T? {
      dlsym(library, name).map { unsafeBitCast($0, to: type) }
    }
    guard let create = function("nvvmCreateProgram", as: Change.self),
      let destroy = function("nvvmDestroyProgram", as: Change.self),
      let add = function("nvvmAddModuleToProgram", as: Add.self),
      let compile = function("nvvmCompileProgram", as: Compile.self),
      let logSize = function("nvvmGetProgramLogSize", as: Size.self),
      let log = function("nvvmGetProgramLog", as: Read.self),
      let resultSize = function("nvvmGetCompiledResultSize", as: Size.self),
      let result = function("nvvmGetCompiledResult", as: Read.self)
    else { return nil }
    (self.create, self.destroy, self.add, self.compile) = (create, destroy, add, compile)
    (self.logSize, self.log, self.resultSize, self.result) = (logSize, log, resultSize, result)
  }

  /// PTX of a module.
  func compile(_ module: String, options: [String]) -> Result<String, Problem> {
    var program: Handle = nil
    guard create(&program) == 0 else { return .failure(Problem(log: "no program")) }
    defer { _ = destroy(&program) }
    guard add(program, module, module.utf8.count, "kernel") == 0 else {
      return .failure(Problem(log: "the module was refused"))
    }
    var arguments = options.map { UnsafePointer<CChar>?(strdup($0)) }
    defer { for argument in arguments { free(UnsafeMutablePointer(mutating: argument)) } }
    guard compile(program, Int32(arguments.count), &arguments) == 0 else {
      return .failure(Problem(log: text(logSize, log, program)))
    }
    return .success(text(resultSize, result, program))
  }

  private func text(
    _ size: Size, _ read: Read, _ program: Handle
  ) -> String {
    var count = 0
    guard size(program, &count) == 0, count > 0 else { return "" }
    var bytes = [CChar](repeating: 0, count: count + 1)
    guard read(program, &bytes) == 0 else { return "" }
    return String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
