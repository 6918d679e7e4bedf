// The choice of instructions, oneDNN's and our own, which is part of a classifier's identity: kernels differ, and so do
// the last bits.

import COneDNN
import Compute
import Primitives
import Tensors

/// An instruction set that oneDNN can be held to; the names are those of its DNNL_MAX_CPU_ISA variable.
public enum InstructionSet: String, Sendable, CaseIterable, Codable {
  case sse41 = "SSE41"
  case avx = "AVX"
  case avx2 = "AVX2"
  case avx2VNNI = "AVX2_VNNI"
  case avx512 = "AVX512_CORE"
  case avx512VNNI = "AVX512_CORE_VNNI"
  case avx512BF16 = "AVX512_CORE_BF16"
  case avx512AMX = "AVX512_CORE_AMX"
  case all = "ALL"

  private var code: dnnl_cpu_isa_t {
    switch self {
    case .sse41: dnnl_cpu_isa_sse41
    case .avx: dnnl_cpu_isa_avx
    case .avx2: dnnl_cpu_isa_avx2
    case .avx2VNNI: dnnl_cpu_isa_avx2_vnni
    case .avx512: dnnl_cpu_isa_avx512_core
    case .avx512VNNI: dnnl_cpu_isa_avx512_core_vnni
    case .avx512BF16: dnnl_cpu_isa_avx512_core_bf16
    case .avx512AMX: dnnl_cpu_isa_avx512_core_amx
    case .all: dnnl_cpu_isa_all
    }
  }

  /// What oneDNN uses at most in this process: the processor's best, or less where it was pinned. Asking fixes it.
  static var effective: InstructionSet {
    let code = dnnl_get_effective_cpu_isa()
    return allCases.first { $0.code == code } ?? .all
  }

  /// True if the effective set multiplies bfloat16 numbers in hardware.
  static var hasBFloat16: Bool { includes(dnnl_cpu_isa_avx512_core_bf16) }

  /// Whole blocks run where the effective set includes their instructions and the processor has them. With AMX the
  /// separate bfloat16 steps are the faster ones.
  static var traits: ProcessorTraits {
    var types: Set<ElementType> = []
    if includes(dnnl_cpu_isa_avx512_core) { types.insert(.float32) }
    if hasBFloat16 && !includes(dnnl_cpu_isa_avx512_core_amx) { types.insert(.bfloat16) }
    return ProcessorTraits(blockTypes: types.intersection(ProcessorTraits.blocks.blockTypes))
  }

  private static func includes(_ set: dnnl_cpu_isa_t) -> Bool {
    dnnl_get_effective_cpu_isa().rawValue & set.rawValue == set.rawValue
  }

  /// True if the effective set sums products of bytes in 32 bits (vpdpbusd); without it oneDNN's int8 kernels saturate
  /// at 16 bits and halve the weights.
  static var hasVNNI: Bool {
    let needed = dnnl_cpu_isa_avx512_core_vnni.rawValue
    return dnnl_get_effective_cpu_isa().rawValue & needed == needed
  }

  /// Holds oneDNN to a set, for the rest of the process. Must come before the first use of a device.
  static func pin(_ set: InstructionSet) throws(DeviceError) {
    let status = dnnl_set_max_cpu_isa(set.code)
    if status == dnnl_success { return }
    throw .unsupported(
      "The instruction set can be pinned only before the first use of the CPU device in a process; oneDNN answers "
        + "\(String(cString: dnnl_status2str(status))).")
  }
}
