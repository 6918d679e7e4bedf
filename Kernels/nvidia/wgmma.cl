// Warpgroup products of sm_90a (R4): 64 rows times N columns times 16 k values, both operands in local memory, sums in
// binary32 registers. The instructions are comments until the host retargets the compiled text (ptx.cl, PTXText.swift).
//
// A warpgroup is four warps. d[v] of a lane is row 16 (warp & 3) + (lane >> 2) + 8 ((v >> 1) & 1) and column
// 8 (v >> 2) + 2 (lane & 3) + (v & 1). Operands are named by descriptors: start address / 16 in bits 0..13, leading
// and stride byte offsets / 16 in bits 16..29 and 32..45, swizzle in bits 62..63 (1: rows of 128 bytes whose 16-byte
// chunks are XORed with the row; 0: 8 x 16-byte core matrices).
// Rules: WG_FENCE before each batch; sums are read only after WG_WAIT and PIN; PROXY_FENCE after ordinary writes.

#ifdef NVIDIA
#define WG_FENCE() ASM volatile("//@ wgmma.fence.sync.aligned;" ::: "memory")
#define WG_COMMIT() ASM volatile("//@ wgmma.commit_group.sync.aligned;" ::: "memory")
#define WG_WAIT(groups) ASM volatile("//@ wgmma.wait_group.sync.aligned " #groups ";" ::: "memory")
// Keeps every read of a sum behind the wait.
#define PIN(x) ASM volatile("// pin %0" : "+f"(x)::"memory")

#define D8(d, i)                                                                                                      \
  "+f"((d)[i]), "+f"((d)[i + 1]), "+f"((d)[i + 2]), "+f"((d)[i + 3]), "+f"((d)[i + 4]), "+f"((d)[i + 5]),             \
      "+f"((d)[i + 6]), "+f"((d)[i + 7])
#define D32(d, i) D8(d, i), D8(d, i + 8), D8(d, i + 16), D8(d, i + 24)
#define R0                                                                                                            \
  "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,"    \
  "%30,%31"
#define R1                                                                                                            \
  ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59," \
  "%60,%61,%62,%63"
#define R2                                                                                                            \
  ",%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79,%80,%81,%82,%83,%84,%85,%86,%87,%88,%89,%90,%91," \
  "%92,%93,%94,%95,%96,%97,%98,%99,%100,%101,%102,%103,%104,%105,%106,%107,%108,%109,%110,%111,%112,%113,%114,%115,"  \
  "%116,%117,%118,%119,%120,%121,%122,%123,%124,%125,%126,%127"
#define WGMMA_HEAD(n) "//@ wgmma.mma_async.sync.aligned.m64n" n "k16.f32." TYPE "." TYPE " {"
#define WGMMA_N64(d, a, b)                                                                                            \
  ASM volatile(WGMMA_HEAD("64") R0 "}, %32, %33, 1, 1, 1, 0, 0;" : D32(d, 0) : "l"(a), "l"(b) : "memory")
#define WGMMA_N128(d, a, b)                                                                                           \
  ASM volatile(WGMMA_HEAD("128") R0 R1 "}, %64, %65, 1, 1, 1, 0, 0;"                                                  \
               : D32(d, 0), D32(d, 32)                                                                                \
               : "l"(a), "l"(b)                                                                                       \
               : "memory")
#define WGMMA_N256(d, a, b)                                                                                           \
  ASM volatile(WGMMA_HEAD("256") R0 R1 R2 "}, %128, %129, 1, 1, 1, 0, 0;"                                             \
               : D32(d, 0), D32(d, 32), D32(d, 64), D32(d, 96)                                                        \
               : "l"(a), "l"(b)                                                                                       \
               : "memory")
#else
// How many rows of a product the kernel keeps; the others are not computed, since their operands may be anything.
#ifndef KEPT_ROWS
#define KEPT_ROWS 64
#endif
#define WG_FENCE()
#define WG_COMMIT()
#define WG_WAIT(groups)
#define PIN(x)
void wgmma_emulated(__local uchar *memory, int columns, int kept, float *d, ulong a, ulong b, int warp, int lane) {
  const uint startA = (uint)(a & 0x3fff) << 4, startB = (uint)(b & 0x3fff) << 4;
  for (int v = 0; v < columns / 2; ++v) {
    const int row = (warp & 3) * 16 + (lane >> 2) + ((v >> 1) & 1) * 8;
    const int column = (v >> 2) * 8 + (lane & 3) * 2 + (v & 1);
    float sum = d[v];
    for (int k = 0; k < (row < kept ? 16 : 0); ++k) {
      uint x = startA + row * 128 + k * 2, y = startB + column * 128 + k * 2;
      x ^= ((x >> 7) & 7) << 4;
      y ^= ((y >> 7) & 7) << 4;
      if (!(a >> 62))
        x = startA + (k >> 3) * ((uint)(a >> 16) & 0x3fff) * 16 + (row >> 3) * ((uint)(a >> 32) & 0x3fff) * 16 +
            (row & 7) * 16 + (k & 7) * 2;
      sum = fma(WIDEN(*(__local ushort *)(memory + x)), WIDEN(*(__local ushort *)(memory + y)), sum);
    }
    d[v] = sum;
  }
}
#define WGMMA_N64(d, a, b) wgmma_emulated(memory, 64, KEPT_ROWS, d, a, b, warp, lane)
#define WGMMA_N128(d, a, b) wgmma_emulated(memory, 128, KEPT_ROWS, d, a, b, warp, lane)
#define WGMMA_N256(d, a, b) wgmma_emulated(memory, 256, KEPT_ROWS, d, a, b, warp, lane)
#endif
