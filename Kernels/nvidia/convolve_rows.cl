#define KEPT_ROWS WIDTH
#include "nvidia/ptx.cl"
#include "nvidia/wgmma.cl"
// 3 x 3 convolution of stride 1 from 64 to 64 channels of 16-bit activations by wgmma (R4): every input row is copied
// once and serves all nine taps.
//
// output[n, y, x, o] = act(bias[o] + sum over r, s, c of input[n, y + r - 1, x + s - 1, c] filter[o, r, s, c]). The
// sums run over k in the order of nvidia/convolve_tensor.cl. Rows lie in local memory as eight planes of PITCH pixels
// of 16 bytes, without a swizzle, so that a tap is the same rows with the start moved by a pixel or a row; the columns
// beside the image are zero. A work-group of four warpgroups takes a strip of STRIP output rows, each warpgroup one row
// (64 pixels, of which WIDTH count) a step. The products of a step run under the epilogue of the step before.
//
// Compile time: STORED, WIDTH (at most 62), STRIP (a multiple of 4, at least 8).
// input, output [N, height, WIDTH, 64]; filter packed as for convolve_tensor.cl with 64 columns: nine slabs of 64 rows.
// Global size: (height / STRIP rounded up * 512, N).

#define PITCH ((WIDTH + 2) | 1)
#define PLANE (PITCH * 16)
#define ROW_BYTES (8 * PLANE)
#define RING 12
#define FILTER_BYTES (9 * 8192)
// Products read 64 pixels from any place of a row's last plane; what lies past the image is computed and dropped.
#define RESULTS (FILTER_BYTES + RING * ROW_BYTES + 1024)
#define LOCAL_BYTES (RESULTS + 4 * WIDTH * 128)
#define STEPS (STRIP / 4)
#ifdef NVIDIA
#define WARPGROUP_BARRIER(group) ASM volatile("bar.sync %0, 128;" ::"r"((group) + 1) : "memory")
#else
#define WARPGROUP_BARRIER(group) barrier(CLK_LOCAL_MEM_FENCE)
#endif

__kernel __attribute__((reqd_work_group_size(512, 1, 1))) void convolve_rows(
    const __global stored *restrict input, const __global stored *restrict filter, const __global float *restrict bias,
    __global stored *restrict output, int height, float low, float high) {
  __local uchar memory[LOCAL_BYTES + 64] __attribute__((aligned(1024)));
  LOCAL_BASE(base);
  const int t = (int)get_local_id(0), lane = t & 31, warp = t >> 5, group = warp >> 2, member = t & 127;
  const int g = lane >> 2, pair = lane & 3;
  const int n = (int)get_group_id(1), first = (int)get_group_id(0) * STRIP;
  const uint arrival = base + LOCAL_BYTES;
  const __global stored *image = input + (long)n * height * WIDTH * 64;
  if (t == 0) {
    BULK_BARRIER(arrival);
    BULK_EXPECT(arrival, FILTER_BYTES);
    BULK_COPY(base, filter, FILTER_BYTES, arrival);
  }
  for (int z = t; z < RING * 8 * 2; z += 512) {
    const uint halo = base + FILTER_BYTES + (z >> 1) * PLANE + ((z & 1) ? (WIDTH + 1) * 16 : 0);
    for (int e = 0; e < 4; ++e) STORE4(halo + 4 * e, 0u);
  }
  // Input row r lies in slot (r - first + 1) % RING.
#define FETCH_ROWS(from, count)                                                                                       \
  do {                                                                                                                \
    for (int e = t; e < (count) * WIDTH * 8; e += 512) {                                                              \
      const int row = (from) + e / (WIDTH * 8), q = e % (WIDTH * 8), chunk = q & 7, x = q >> 3;                       \
      const int valid = (uint)row < (uint)height ? 1 : 0;                                                             \
      COPY16(base + FILTER_BYTES + (row - first + 1) % RING * ROW_BYTES + chunk * PLANE + (x + 1) * 16,               \
             image + (valid ? ((long)row * WIDTH + x) * 64 + chunk * 8 : 0L), valid << 4);                            \
    }                                                                                                                 \
    COPY_COMMIT();                                                                                                    \
  } while (0)
  FETCH_ROWS(first - 1, 6);

  float even[32], odd[32];
#define PRODUCTS(sum, step)                                                                                           \
  do {                                                                                                                \
    UNROLL                                                                                                            \
    for (int v = 0; v < 32; ++v) sum[v] = 0.0f;                                                                       \
    WG_FENCE();                                                                                                       \
    ROLL                                                                                                              \
    for (int r = 0; r < 3; ++r) {                                                                                     \
      const uint row = base + FILTER_BYTES + ((step) * 4 + group + r) % RING * ROW_BYTES;                             \
      const ulong a = ((ulong)8 << 32) | ((ulong)PITCH << 16) | ((row & 0x3ffff) >> 4);                               \
      UNROLL                                                                                                          \
      for (int s = 0; s < 3; ++s) {                                                                                   \
        const ulong b = ((ulong)1 << 62) | ((ulong)64 << 32) | ((ulong)1 << 16) |                                     \
                        (((base + (r * 3 + s) * 8192) & 0x3ffff) >> 4);                                               \
        UNROLL                                                                                                        \
        for (int q = 0; q < 4; ++q) WGMMA_N64(sum, a + q * 2 * PITCH + s, b + q * 2);                                 \
      }                                                                                                               \
    }                                                                                                                 \
    WG_COMMIT();                                                                                                      \
  } while (0)
  // A warpgroup's row goes through local memory, so that global memory sees 16 bytes an item.
#define FINISH(sum, step)                                                                                             \
  do {                                                                                                                \
    const uint at = base + RESULTS + group * WIDTH * 128;                                                             \
    const int y = first + (step) * 4 + group;                                                                         \
    UNROLL                                                                                                            \
    for (int h = 0; h < 2; ++h) {                                                                                     \
      const int x = (warp & 3) * 16 + g + h * 8;                                                                      \
      if (x < WIDTH) {                                                                                                \
        UNROLL                                                                                                        \
        for (int j = 0; j < 8; ++j) {                                                                                 \
          const float v0 = activate(sum[j * 4 + h * 2] + bias[j * 8 + pair * 2], low, high);                          \
          const float v1 = activate(sum[j * 4 + h * 2 + 1] + bias[j * 8 + pair * 2 + 1], low, high);                  \
          uint u;                                                                                                     \
          PACK(u, v0, v1);                                                                                            \
          STORE4(at + x * 128 + ((j ^ (x & 7)) << 4) + (pair << 2), u);                                               \
        }                                                                                                             \
      }                                                                                                               \
    }                                                                                                                 \
    WARPGROUP_BARRIER(group);                                                                                         \
    for (int e = member; e < (y < height ? WIDTH * 8 : 0); e += 128) {                                                \
      const int x = e >> 3, chunk = e & 7;                                                                            \
      uint4 v;                                                                                                        \
      LOAD16(v, at + x * 128 + ((chunk ^ (x & 7)) << 4));                                                             \
      *(__global uint4 *)(output + (((long)n * height + y) * WIDTH + x) * 64 + chunk * 8) = v;                        \
    }                                                                                                                 \
    WARPGROUP_BARRIER(group);                                                                                         \
  } while (0)
#define FINISHED(sum)                                                                                                 \
  WG_WAIT(0);                                                                                                         \
  UNROLL                                                                                                              \
  for (int v = 0; v < 32; ++v) PIN(sum[v]);
  // The rows of a step have landed for everyone, and nobody reads the slots of the rows to come.
#define STEP(sum, before, step)                                                                                       \
  do {                                                                                                                \
    FINISHED(before)                                                                                                  \
    COPY_WAIT(0);                                                                                                     \
    PROXY_FENCE();                                                                                                    \
    barrier(CLK_LOCAL_MEM_FENCE);                                                                                     \
    PRODUCTS(sum, step);                                                                                              \
    if ((step) + 1 < STEPS) FETCH_ROWS(first + (step) * 4 + 5, 4);                                                    \
    FINISH(before, (step) - 1);                                                                                       \
  } while (0)

  BULK_WAIT(arrival, 0u);
  COPY_WAIT(0);
  PROXY_FENCE();
  barrier(CLK_LOCAL_MEM_FENCE);
  PRODUCTS(even, 0);
  FETCH_ROWS(first + 5, 4);
  for (int step = 1; step + 1 < STEPS; step += 2) {
    STEP(odd, even, step);
    STEP(even, odd, step + 1);
  }
#if STEPS % 2 == 0
  STEP(odd, even, STEPS - 1);
  FINISHED(odd)
  FINISH(odd, STEPS - 1);
#else
  FINISHED(even)
  FINISH(even, STEPS - 1);
#endif
}
