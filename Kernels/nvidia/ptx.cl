// The PTX instructions of the NVIDIA kernels, and the same data flow in plain OpenCL C for every other device.
//
// NVIDIA is 10 times the compute capability on devices of 8.0 and up, and undefined elsewhere: there the macros are
// inline PTX.
// Without it every instruction is emulated item by item, with the same addresses, registers and barriers, so that
// PoCL can test the index arithmetic and oclgrind can look for races. Emulation is slow and never chosen for work.
//
// Local memory is one array of bytes; addresses are 32-bit numbers, on NVIDIA in the shared window, elsewhere offsets
// from `memory`. LOCAL_BASE declares the base. Work-item order is lane order, 32 lanes a warp.
// Every instruction that touches memory is volatile and clobbers "memory": without that the compiler may move it out of
// loops (reference/opencl.md, section 1). Instructions of sm_90a stand behind "//@ ": comments, until the host rewrites
// the compiled text for that target (PTXText.swift); such a program is never run as it was compiled.

#define PTX_float16 "f16"
#define PTX_bfloat16 "bf16"
#define PTX_float32 "f32"
#define TYPE PASTE(PTX_, STORED)
#ifndef ASM
#define ASM asm
#endif

#ifdef NVIDIA
#define UNROLL __attribute__((opencl_unroll_hint))
#define ROLL __attribute__((opencl_unroll_hint(1)))
#define LOCAL_BASE(base)                                                                                              \
  uint base;                                                                                                          \
  {                                                                                                                   \
    ulong window;                                                                                                     \
    ASM volatile("mov.u64 %0, %1;" : "=l"(window) : "l"(memory) : "memory");                                          \
    base = (uint)window;                                                                                              \
  }
// 16 bytes from global to local memory, asynchronously; zeros where `bytes` is 0, and then nothing is read.
#define COPY16(to, from, bytes)                                                                                       \
  ASM volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory")
#define COPY16_TO(pointer, from, bytes)                                                                               \
  ASM volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"l"(pointer), "l"(from), "r"(bytes) : "memory")
#define COPY_COMMIT() ASM volatile("cp.async.commit_group;" ::: "memory")
#define COPY_WAIT(groups) ASM volatile("cp.async.wait_group " #groups ";" ::: "memory")
// Four 8 x 8 matrices of 16-bit elements; lane 8 i + r names row r of matrix i, and receives two elements of each.
#define LOAD_MATRICES(r, ADDRESS, lane)                                                                               \
  ASM volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"                                        \
               : "=r"((r)[0]), "=r"((r)[1]), "=r"((r)[2]), "=r"((r)[3])                                               \
               : "r"(ADDRESS(lane))                                                                                   \
               : "memory")
#define LOAD_MATRICES2(r, ADDRESS, lane)                                                                              \
  ASM volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"                                              \
               : "=r"((r)[0]), "=r"((r)[1])                                                                           \
               : "r"(ADDRESS(lane))                                                                                   \
               : "memory")
// The reverse: lane 8 i + r names row r of matrix i, and every lane stores two elements of each.
#if NVIDIA >= 90
#define STORE_MATRICES(r, ADDRESS, lane)                                                                              \
  ASM volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1,%2,%3,%4};" ::"r"(ADDRESS(lane)), "r"((r)[0]),     \
               "r"((r)[1]), "r"((r)[2]), "r"((r)[3])                                                                  \
               : "memory")
#endif
// d += a b for a warp: 16 x 16 times 16 x 8, binary32 sums.
#define MULTIPLY(d, a, b0, b1)                                                                                        \
  ASM volatile("mma.sync.aligned.m16n8k16.row.col.f32." TYPE "." TYPE ".f32 "                                         \
               "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"                                                \
               : "+f"((d)[0]), "+f"((d)[1]), "+f"((d)[2]), "+f"((d)[3])                                               \
               : "r"((a)[0]), "r"((a)[1]), "r"((a)[2]), "r"((a)[3]), "r"(b0), "r"(b1))
#define LOAD4(v, address) ASM volatile("ld.shared.b32 %0, [%1];" : "=r"(v) : "r"(address) : "memory")
#define STORE4(address, v) ASM volatile("st.shared.b32 [%0], %1;" ::"r"(address), "r"(v) : "memory")
#define LOAD16(v, address)                                                                                            \
  ASM volatile("ld.shared.v4.b32 {%0,%1,%2,%3}, [%4];"                                                                \
               : "=r"((v).x), "=r"((v).y), "=r"((v).z), "=r"((v).w)                                                   \
               : "r"(address)                                                                                         \
               : "memory")
// Two numbers in one register, the first in the low half; rounded to nearest, ties to even.
#define PACK(u, low, high) ASM("cvt.rn." TYPE "x2.f32 %0, %1, %2;" : "=r"(u) : "f"(high), "f"(low))
// The same of numbers clipped to [0, 6].
#define SIX_float16 0x46004600u
#define SIX_bfloat16 0x40c040c0u
#define PACK6(u, low, high)                                                                                           \
  ASM("{.reg .b32 t_; cvt.rn.relu." TYPE "x2.f32 t_, %1, %2; min.NaN." TYPE "x2 %0, t_, %3;}"                         \
      : "=r"(u)                                                                                                       \
      : "f"(high), "f"(low), "r"(PASTE(SIX_, STORED)))
// Bytes of a by the four digits of s; digit 4 is a zero byte.
#define PERMUTE(d, a, s) ASM("prmt.b32 %0, %1, 0, %2;" : "=r"(d) : "r"(a), "r"(s))
#define PREFETCH(from) ASM volatile("prefetch.global.L2 [%0];" ::"l"(from))
#define UNPACK_float16(low, high, u)                                                                                  \
  ASM("{.reg .b16 l_, h_; mov.b32 {l_, h_}, %2; cvt.f32.f16 %0, l_; cvt.f32.f16 %1, h_;}"                             \
      : "=f"(low), "=f"(high)                                                                                         \
      : "r"(u))
#define UNPACK_bfloat16(low, high, u)                                                                                 \
  do {                                                                                                                \
    low = as_float((u) << 16);                                                                                        \
    high = as_float((u) & 0xffff0000u);                                                                               \
  } while (0)
#define UNPACK(low, high, u) PASTE(UNPACK_, STORED)(low, high, u)
// Both halves of u become the larger of u and v; NaN if either is.
#define MAXIMUM2(u, v) ASM("max.NaN." TYPE "x2 %0, %0, %1;" : "+r"(u) : "r"(v))
// What ordinary stores and COPY16 wrote becomes visible to wgmma and to bulk copies (sm_90).
#define PROXY_FENCE() ASM volatile("fence.proxy.async.shared::cta;" ::: "memory")
// Contiguous copies of `bytes` that a barrier object counts in bytes (sm_90).
#define BULK_BARRIER(address)                                                                                         \
  ASM volatile("mbarrier.init.shared::cta.b64 [%0], 1; fence.mbarrier_init.release.cluster;" ::"r"(address) : "memory")
#define BULK_EXPECT(address, bytes)                                                                                   \
  ASM volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(address), "r"(bytes) : "memory")
#define BULK_WAIT(address, phase)                                                                                     \
  ASM volatile("{ .reg .pred p_; W_: mbarrier.try_wait.parity.shared::cta.b64 p_, [%0], %1; @p_ bra D_; bra W_; D_: }" \
               ::"r"(address), "r"(phase)                                                                             \
               : "memory")
#define BULK_COPY(to, from, bytes, address)                                                                           \
  ASM volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(to),   \
               "l"(from), "r"(bytes), "r"(address)                                                                    \
               : "memory")
#else
#define UNROLL
#define ROLL
#define LOCAL_BASE(base) const uint base = 0
#define COPY16(to, from, bytes)                                                                                       \
  do {                                                                                                                \
    __local uint *to_ = (__local uint *)(memory + (to));                                                              \
    const __global uint *from_ = (const __global uint *)(from);                                                       \
    for (int e_ = 0; e_ < 4; ++e_) to_[e_] = (bytes) ? from_[e_] : 0u;                                                \
  } while (0)
#define COPY16_TO(pointer, from, bytes)                                                                               \
  *(__local uint4 *)(pointer) = (bytes) ? *(const __global uint4 *)(from) : (uint4)(0u)
#define COPY_COMMIT()
#define COPY_WAIT(groups)
#define LOAD_MATRICES(r, ADDRESS, lane)                                                                               \
  do {                                                                                                                \
    for (int j_ = 0; j_ < 4; ++j_)                                                                                    \
      (r)[j_] = *(__local uint *)(memory + (ADDRESS((8 * j_ + ((lane) >> 2)))) + ((lane) & 3) * 4);                   \
  } while (0)
#define LOAD_MATRICES2(r, ADDRESS, lane)                                                                              \
  do {                                                                                                                \
    for (int j_ = 0; j_ < 2; ++j_)                                                                                    \
      (r)[j_] = *(__local uint *)(memory + (ADDRESS((8 * j_ + ((lane) >> 2)))) + ((lane) & 3) * 4);                   \
  } while (0)

float widen_float16(uint bits) {
  ushort stored16[2] = {(ushort)bits, 0};
  return vload_half(0, (const __private half *)stored16);
}
float widen_bfloat16(uint bits) { return as_float(bits << 16); }
uint narrow_float16(float x) {
  ushort stored16[2];
  vstore_half_rte(x, 0, (__private half *)stored16);
  return stored16[0];
}
uint narrow_bfloat16(float x) {
  const uint bits = as_uint(x);
  return x != x ? 0x7fffu : (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}
float widen_float32(uint bits) { return as_float(bits); }
uint narrow_float32(float x) { return as_uint(x); }
#define WIDEN(bits) PASTE(widen_, STORED)((bits) & 0xffffu)
#define NARROW(x) PASTE(narrow_, STORED)(x)

// The lanes of a warp exchange their registers through `scratch`, six words a lane.
void multiply_emulated(__local uint *scratch, int lane, float *d, const uint *a, uint b0, uint b1) {
  __local uint *own = scratch + lane * 6;
  own[0] = a[0];
  own[1] = a[1];
  own[2] = a[2];
  own[3] = a[3];
  own[4] = b0;
  own[5] = b1;
  barrier(CLK_LOCAL_MEM_FENCE);
  const int g = lane >> 2, t = lane & 3;
  for (int i = 0; i < 4; ++i) {
    const int lower = i >> 1, column = t * 2 + (i & 1);
    float sum = d[i];
    for (int q = 0; q < 4; ++q) {
      for (int h = 0; h < 2; ++h) {
        const uint x = scratch[(g * 4 + q) * 6 + lower + 2 * h], y = scratch[(column * 4 + q) * 6 + 4 + h];
        sum = fma(WIDEN(x), WIDEN(y), sum);
        sum = fma(WIDEN(x >> 16), WIDEN(y >> 16), sum);
      }
    }
    d[i] = sum;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
}
#define MULTIPLY(d, a, b0, b1) multiply_emulated(exchange + warp * 192, lane, d, a, b0, b1)
#define LOAD4(v, address) v = *(__local uint *)(memory + (address))
#define STORE4(address, v) *(__local uint *)(memory + (address)) = v
#define LOAD16(v, address) v = *(__local uint4 *)(memory + (address))
#define PACK(u, low, high) u = NARROW(low) | (NARROW(high) << 16)
#define PACK6(u, low, high) PACK(u, activate(low, 0.0f, 6.0f), activate(high, 0.0f, 6.0f))
uint permute_emulated(uint a, uint s) {
  uint result = 0;
  for (int i = 0; i < 4; ++i) {
    const uint digit = (s >> (4 * i)) & 7;
    result |= (digit < 4 ? (a >> (8 * digit)) & 255u : 0u) << (8 * i);
  }
  return result;
}
#define PERMUTE(d, a, s) d = permute_emulated(a, s)
#define PREFETCH(from) (void)(from)
#define UNPACK(low, high, u)                                                                                          \
  do {                                                                                                                \
    low = WIDEN(u);                                                                                                   \
    high = WIDEN((u) >> 16);                                                                                          \
  } while (0)
uint maximum_emulated(uint u, uint v) {
  const float x = WIDEN(u), y = WIDEN(v);
  return (x != x || x >= y ? u : v) & 0xffffu;
}
#define MAXIMUM2(u, v) u = maximum_emulated(u, v) | (maximum_emulated((u) >> 16, (v) >> 16) << 16)
#define PROXY_FENCE()
#define BULK_BARRIER(address)
#define BULK_EXPECT(address, bytes)
#define BULK_WAIT(address, phase) (void)(phase)
#define BULK_COPY(to, from, bytes, address)                                                                           \
  for (int e_ = 0; e_ < (bytes) / 4; ++e_)                                                                            \
  ((__local uint *)(memory + (to)))[e_] = ((const __global uint *)(from))[e_]
#endif
#ifndef STORE_MATRICES
#define STORE_MATRICES(r, ADDRESS, lane)                                                                              \
  do {                                                                                                                \
    UNROLL                                                                                                            \
    for (int j_ = 0; j_ < 4; ++j_) STORE4((ADDRESS((8 * j_ + ((lane) >> 2)))) + ((lane) & 3) * 4, (r)[j_]);           \
  } while (0)
#endif
