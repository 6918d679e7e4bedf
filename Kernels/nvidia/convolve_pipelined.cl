#include "nvidia/ptx.cl"
// Convolution in binary32 as an implicit matrix product whose operands are copied ahead by cp.async (R3 for float32).
//
// The sums, their order and so every bit are those of dense/convolve_tiled.cl; only the copies differ: STAGES slabs of
// SLAB k values are in flight and need no registers, which leaves room for 8 x 16 outputs an item. A work-group
// computes ROWS pixels x COLUMNS outputs in warps of 32 pixels x 8 TN outputs, ACROSS side by side; an item has rows
// ty + 4 i and columns tx + 8 j of its warp's. Rows of SLAB / 4 chunks of 16 bytes, XORed with the row against bank
// conflicts. The chunk loop is not unrolled: that would hoist loads into 250 registers (prototypes/convolution).
//
// Needs channels % 4 == 0, at most 32 taps, offsets below 2^31. Compile time: ROWS, COLUMNS, TN (8 or 16), ACROSS, SLAB
// (16 or 32), STAGES (2 or 3), SECOND (1: from k = firstDepth on, a multiple of SLAB, k values come from `second`, seen
// through a strided 1 x 1 window; the first window must be 1 x 1 too).
// input [N, height, width, channels]; filter [outputs][depth], depth = taps times channels rounded up to SLAB, padded
// with zeros; bias [outputs]; residual (null or the output's own memory), output [pixels][outputs].
// Global size: (outputs / COLUMNS rounded up * T, pixels / ROWS rounded up), T = ROWS ACROSS.

#define TM 8
#define WARP_COLUMNS (8 * TN)
#define T (ROWS * ACROSS)
#define CHUNKS (SLAB / 4)
#define LEFT_LOADS (ROWS * CHUNKS / T)
#define RIGHT_LOADS (COLUMNS * CHUNKS / T)
#define STAGE_SIZE ((ROWS + COLUMNS) * CHUNKS)
#if SLAB == 16
#define POSITION(row, chunk) ((row) * CHUNKS + ((chunk) ^ (((row) >> 1) & 3)))
#else
#define POSITION(row, chunk) ((row) * CHUNKS + ((chunk) ^ ((row) & 7)))
#endif
#if STAGES == 2
#define WAIT_STAGE() COPY_WAIT(0)
#else
#define WAIT_STAGE() COPY_WAIT(1)
#endif

__kernel __attribute__((reqd_work_group_size(T, 1, 1))) void convolve_pipelined(
    const __global float *restrict input, const __global float *restrict filter, const __global float *restrict bias,
    const __global float *residual, __global float *output, int pixels, int depth, int height, int width, int channels,
    int outHeight, int outWidth, int outputs, int rows, int columns, int strideRows, int strideColumns,
    int dilationRows, int dilationColumns, int top, int left,
#if SECOND
    const __global float *restrict second, int firstDepth, int secondHeight, int secondWidth, int secondChannels,
    int secondStride,
#endif
    float low, float high) {
  __local float4 staged[STAGES * STAGE_SIZE];
  const int t = (int)get_local_id(0), lane = t & 31, warp = t >> 5;
  // Pairs of rows interleaved: a quarter of eight items spans 2 x 4 outputs.
  const int tx = (lane >> 1) & 7, ty = (lane & 1) | ((lane >> 4) << 1);
  const int firstPixel = (int)get_group_id(1) * ROWS, firstOutput = (int)get_group_id(0) * COLUMNS;
  const int chunk = t % CHUNKS, line = t / CHUNKS;
  const int taps = rows * columns;
  const int firstRow = (warp / ACROSS) * 32, firstColumn = (warp % ACROSS) * WARP_COLUMNS;

  // Where the windows of this item's staged rows start, and which of their taps lie inside the image.
  int start[LEFT_LOADS];
  uint inside[LEFT_LOADS];
#if SECOND
  int startSecond[LEFT_LOADS];
  const __global float *source = input;
  int sourceChannels = channels;
#else
#define source input
#define sourceChannels channels
#endif
  UNROLL
  for (int p = 0; p < LEFT_LOADS; ++p) {
    const int wanted = firstPixel + line + p * (T / CHUNKS);
    const int pixel = wanted < pixels ? wanted : 0;
    const int ox = pixel % outWidth, oy = pixel / outWidth % outHeight, n = pixel / outWidth / outHeight;
    const int y = oy * strideRows - top, x = ox * strideColumns - left;
    start[p] = ((n * height + y) * width + x) * channels + chunk * 4;
#if SECOND
    startSecond[p] =
        ((n * secondHeight + oy * secondStride) * secondWidth + ox * secondStride) * secondChannels + chunk * 4;
#endif
    uint mask = 0;
    int r = 0, s = 0;
    for (int tap = 0; tap < taps; ++tap) {
      const int iy = y + r * dilationRows, ix = x + s * dilationColumns;
      mask |= ((uint)iy < (uint)height && (uint)ix < (uint)width ? 1u : 0u) << tap;
      if (++s == columns) {
        s = 0;
        ++r;
      }
    }
    inside[p] = wanted < pixels ? mask : 0u;
  }
  const int filterStart = (firstOutput + line) * depth + chunk * 4;

  // The slab to copy next: k values from k on, channels from c on of tap `tap`, at `offset` from the window's start.
  int k = 0, c = 0, tap = 0, s = 0, offset = 0;
#if SECOND
#define NEXT_SLAB()                                                                                                   \
  k += SLAB;                                                                                                          \
  c += SLAB;                                                                                                          \
  if (k == firstDepth) {                                                                                              \
    c = 0;                                                                                                            \
    source = second;                                                                                                  \
    sourceChannels = secondChannels;                                                                                  \
    UNROLL                                                                                                            \
    for (int p = 0; p < LEFT_LOADS; ++p) start[p] = startSecond[p];                                                   \
  }
#else
#define NEXT_SLAB()                                                                                                   \
  k += SLAB;                                                                                                          \
  c += SLAB;                                                                                                          \
  if (c >= channels) {                                                                                                \
    c = 0;                                                                                                            \
    ++tap;                                                                                                            \
    offset += dilationColumns * channels;                                                                             \
    if (++s == columns) {                                                                                             \
      s = 0;                                                                                                          \
      offset += (dilationRows * width - columns * dilationColumns) * channels;                                        \
    }                                                                                                                 \
  }
#endif
#define STAGE(stage)                                                                                                  \
  do {                                                                                                                \
    __local float4 *to = staged + (stage) * STAGE_SIZE;                                                               \
    const int withinChannels = c + chunk * 4 < sourceChannels ? 1 : 0;                                                \
    UNROLL                                                                                                            \
    for (int p = 0; p < LEFT_LOADS; ++p) {                                                                            \
      const int valid = (int)((inside[p] >> tap) & 1u) & withinChannels;                                              \
      COPY16_TO(to + POSITION(line + p * (T / CHUNKS), chunk),                                                        \
                source + (valid ? (long)(start[p] + offset + c) : 0L), valid << 4);                                   \
    }                                                                                                                 \
    UNROLL                                                                                                            \
    for (int p = 0; p < RIGHT_LOADS; ++p) {                                                                           \
      const int valid = firstOutput + line + p * (T / CHUNKS) < outputs ? 1 : 0;                                      \
      COPY16_TO(to + ROWS * CHUNKS + POSITION(line + p * (T / CHUNKS), chunk),                                        \
                filter + (valid ? (long)(filterStart + p * (T / CHUNKS) * depth + k) : 0L), valid << 4);              \
    }                                                                                                                 \
    NEXT_SLAB()                                                                                                       \
  } while (0)

  float sum[TM][TN];
  UNROLL
  for (int i = 0; i < TM; ++i) {
    UNROLL
    for (int j = 0; j < TN; ++j) sum[i][j] = 0.0f;
  }
  const int slabs = depth / SLAB;
  UNROLL
  for (int stage = 0; stage < STAGES - 1; ++stage) {
    if (stage < slabs) STAGE(stage);
    COPY_COMMIT();
  }
  int now = 0, next = STAGES - 1;
  for (int slab = 0; slab < slabs; ++slab) {
    WAIT_STAGE();
    // The slab `now` has landed for everyone, and nobody reads the stage `next` any more.
    barrier(CLK_LOCAL_MEM_FENCE);
    if (slab + STAGES - 1 < slabs) STAGE(next);
    COPY_COMMIT();
    const __local float4 *a = staged + now * STAGE_SIZE, *b = a + ROWS * CHUNKS;
    ROLL
    for (int q = 0; q < CHUNKS; ++q) {
      float4 x[TM];
      UNROLL
      for (int i = 0; i < TM; ++i) x[i] = a[POSITION(firstRow + ty + 4 * i, q)];
      UNROLL
      for (int j = 0; j < TN; ++j) {
        const float4 w = b[POSITION(firstColumn + tx + 8 * j, q)];
        UNROLL
        for (int i = 0; i < TM; ++i) sum[i][j] = fma(x[i].x, w.x, sum[i][j]);
        UNROLL
        for (int i = 0; i < TM; ++i) sum[i][j] = fma(x[i].y, w.y, sum[i][j]);
        UNROLL
        for (int i = 0; i < TM; ++i) sum[i][j] = fma(x[i].z, w.z, sum[i][j]);
        UNROLL
        for (int i = 0; i < TM; ++i) sum[i][j] = fma(x[i].w, w.w, sum[i][j]);
      }
    }
    if (++now == STAGES) now = 0;
    if (++next == STAGES) next = 0;
  }

  UNROLL
  for (int i = 0; i < TM; ++i) {
    const int pixel = firstPixel + firstRow + ty + 4 * i;
    if (pixel < pixels) {
      UNROLL
      for (int j = 0; j < TN; ++j) {
        const int o = firstOutput + firstColumn + tx + 8 * j;
        if (o < outputs) {
          const long to = (long)pixel * outputs + o;
          float v = sum[i][j] + bias[o];
          if (residual) v += residual[to];
          output[to] = activate(v, low, high);
        }
      }
    }
  }
}
