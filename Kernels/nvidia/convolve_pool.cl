#include "nvidia/ptx.cl"
#define KEPT_ROWS (WIDTH - i * 64)
#include "nvidia/wgmma.cl"
// A network's first layer and the pooling after it, in one pass by wgmma (R4): a window of up to 8 x 8 pixels and
// stride 2 to 64 channels, ReLU, then the largest of 3 x 3 with stride 2 and a border of one. The convolution's result,
// four times as large as the pooled one, never leaves local memory.
//
// The input is the padded image in blocks of 2 x 2 pixels, two planes dy of 8 numbers dx 4 + c (space_to_depth.cl,
// PLANAR). A row of the window is four blocks, 64 k values; its 64 or 128 windows of a row of output pixels overlap and
// are read in place: without a swizzle, eight pixels of 16 bytes make one core matrix, the planes are the leading
// dimension, and the start moves by one block for the next 16 k values. A step makes two rows of the convolution, one
// by each warpgroup, and from them and the row before one pooled row; ReLU's results are at least 0, so that zeros
// stand for the border. A strip's first step repeats the row above it. NaN stays NaN.
//
// Compile time: STORED; HEIGHT, WIDTH of the convolution's result, even, WIDTH at most 128; STRIP pooled rows a group.
// input [N, HEIGHT + 3, 2, WIDTH + 3, 8]; filter packed as for convolve_tensor.cl with 64 columns: four slabs, whose k
// is 16 block + 8 dy + 4 dx + c. output [N, HEIGHT / 2, WIDTH / 2, 64]. high: the upper bound of the activation. Global
// size: (HEIGHT / 2 / STRIP rounded up * 256, N).

#define IN_ROWS (HEIGHT + 3)
#define PLANE ((WIDTH + 3) * 16)
#define ROW_BYTES (2 * PLANE)
#define RING 8
#define FILTER_BYTES (4 * 8192)
// Products read whole blocks of 64 pixels; what lies past the row is computed and dropped.
#define BLOCKS ((WIDTH + 63) / 64)
#define CONVOLVED (FILTER_BYTES + RING * ROW_BYTES + 2048)
#define CONVOLVED_BYTES (WIDTH * 128)
#define LOCAL_BYTES (CONVOLVED + 3 * CONVOLVED_BYTES)

__kernel __attribute__((reqd_work_group_size(256, 1, 1))) void convolve_pool(
    const __global stored *restrict input, const __global stored *restrict filter, const __global float *restrict bias,
    __global stored *restrict output, float high) {
  __local uchar memory[LOCAL_BYTES + 64] __attribute__((aligned(1024)));
  LOCAL_BASE(base);
  const int t = (int)get_local_id(0), lane = t & 31, warp = t >> 5, group = warp >> 2;
  const int g = lane >> 2, pair = lane & 3;
  const int n = (int)get_group_id(1), first = (int)get_group_id(0) * STRIP;
  const int last = first + STRIP < HEIGHT / 2 ? first + STRIP : HEIGHT / 2;
  const uint arrival = base + LOCAL_BYTES;
  const __global stored *image = input + (long)n * IN_ROWS * (ROW_BYTES / 2);
  if (t == 0) BULK_BARRIER(arrival);
  barrier(CLK_LOCAL_MEM_FENCE);
  int p = first > 0 ? first - 1 : 0;
  // There are IN_ROWS = HEIGHT + 3 rows, and step p reads rows 2 p .. 2 p + 4: all exist.
#define COPY_ROWS(from, count)                                                                                        \
  for (int r = (from); r < (from) + (count); ++r) {                                                                   \
    BULK_COPY(base + FILTER_BYTES + (r & (RING - 1)) * ROW_BYTES, image + (long)r * (ROW_BYTES / 2), ROW_BYTES,       \
              arrival);                                                                                               \
  }
  if (t == 0) {
    BULK_EXPECT(arrival, FILTER_BYTES + 5 * ROW_BYTES);
    BULK_COPY(base, filter, FILTER_BYTES, arrival);
    COPY_ROWS(2 * p, 5)
  }
  float bias0[8], bias1[8];
  UNROLL
  for (int j = 0; j < 8; ++j) {
    bias0[j] = bias[j * 8 + pair * 2];
    bias1[j] = bias[j * 8 + pair * 2 + 1];
  }
  // The odd rows of the step before, there being none: zero.
  for (int z = t; z < CONVOLVED_BYTES / 4; z += 256) {
    STORE4(base + CONVOLVED + CONVOLVED_BYTES + z * 4, 0u);
    STORE4(base + CONVOLVED + 2 * CONVOLVED_BYTES + z * 4, 0u);
  }
  uint phase = 0;
  for (; p < last; ++p) {
    BULK_WAIT(arrival, phase);
    phase ^= 1;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (t == 0 && p + 1 < last) {
      BULK_EXPECT(arrival, 2 * ROW_BYTES);
      COPY_ROWS(2 * p + 5, 2)
    }
    float sum[BLOCKS][32];
    UNROLL
    for (int i = 0; i < BLOCKS; ++i) {
      UNROLL
      for (int v = 0; v < 32; ++v) sum[i][v] = 0.0f;
    }
    WG_FENCE();
    UNROLL
    for (int r = 0; r < 4; ++r) {
      const uint row = base + FILTER_BYTES + ((2 * p + group + r) & (RING - 1)) * ROW_BYTES;
      const ulong a = ((ulong)8 << 32) | ((ulong)(PLANE / 16) << 16) | ((row & 0x3ffff) >> 4);
      const ulong b =
          ((ulong)1 << 62) | ((ulong)64 << 32) | ((ulong)1 << 16) | (((base + r * 8192) & 0x3ffff) >> 4);
      UNROLL
      for (int q = 0; q < 4; ++q) {
        UNROLL
        for (int i = 0; i < BLOCKS; ++i) WGMMA_N64(sum[i], a + i * 64 + q, b + q * 2);
      }
    }
    WG_COMMIT();
    WG_WAIT(0);
    UNROLL
    for (int i = 0; i < BLOCKS; ++i) {
      UNROLL
      for (int v = 0; v < 32; ++v) PIN(sum[i][v]);
    }
    // The even row, or the odd one where the step before the last left its own.
    const uint to = base + CONVOLVED + (group ? (1 + (p & 1)) * CONVOLVED_BYTES : 0);
    UNROLL
    for (int i = 0; i < BLOCKS; ++i) {
      UNROLL
      for (int h = 0; h < 2; ++h) {
        const int x = i * 64 + (warp & 3) * 16 + g + h * 8;
        if (x < WIDTH) {
          UNROLL
          for (int j = 0; j < 8; ++j) {
            const float v0 = activate(sum[i][j * 4 + h * 2] + bias0[j], 0.0f, high);
            const float v1 = activate(sum[i][j * 4 + h * 2 + 1] + bias1[j], 0.0f, high);
            uint u;
            PACK(u, v0, v1);
            STORE4(to + x * 128 + ((j ^ (x & 7)) << 4) + (pair << 2), u);
          }
        }
      }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int e = t; e < (p >= first ? WIDTH / 2 * 8 : 0); e += 256) {
      const int x = e >> 3, chunk = e & 7;
      uint4 largest = (uint4)(0u);
      UNROLL
      for (int r = 0; r < 3; ++r) {
        const uint row = base + CONVOLVED + (r == 1 ? 0 : (1 + ((p + (r >> 1) + 1) & 1)) * CONVOLVED_BYTES);
        UNROLL
        for (int s = 0; s < 3; ++s) {
          const int at = 2 * x - 1 + s;
          if (at >= 0) {
            uint4 v;
            LOAD16(v, row + at * 128 + ((chunk ^ (at & 7)) << 4));
            MAXIMUM2(largest.x, v.x);
            MAXIMUM2(largest.y, v.y);
            MAXIMUM2(largest.z, v.z);
            MAXIMUM2(largest.w, v.w);
          }
        }
      }
      *(__global uint4 *)(output + (((long)n * (HEIGHT / 2) + p) * (WIDTH / 2) + x) * 64 + chunk * 8) = largest;
    }
    // The next writes to the rows come after the barrier at the head of the loop.
  }
}
