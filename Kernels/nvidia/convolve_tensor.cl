#include "nvidia/ptx.cl"
#include "nvidia/wgmma.cl"
// Convolution of 16-bit activations as an implicit matrix product on tensor cores: mma.sync (R3) or wgmma (R4).
//
// output[p, o] = act(bias[o] + residual[p, o] + sum over k of window(p)[k] filter[o][k]), sums in binary32, rounded
// once. A matrix product is the case of one row of `pixels` pixels. A group computes ROWS pixels x COLUMNS outputs. k
// runs through slabs of 64 values of one tap: 128 bytes a row, whose 16-byte chunks are XORed with the row, so that
// neither copies nor reads meet in a bank. STAGES slabs are in flight. The last slab of a tap is padded with zeros
// where channels % 64 != 0. The sum of an output is a chain over k in order, whatever the tile: bits do not depend on
// the place in the batch, nor on ROWS, COLUMNS, WARPS, STAGES, ONCE or EPILOGUE.
//
// Needs channels % 8 == 0, pixelStride % 8 == 0, outputs % 8 == 0, at most 32 taps, and offsets below 2^31.
// Compile time: STORED; ROWS, COLUMNS, WARPS (32 items each), STAGES;
//   WARPGROUP  1: wgmma, four warps to 64 rows; 0: mma.sync, ACROSS warps side by side
//   LAG        1: the products of one slab may run while those of the next are issued (WARPGROUP)
//   ONCE       1: at most STAGES slabs, all in flight before the first product
//   EPILOGUE   1: the residual and result tile has local memory of its own and is fetched before the products
//   PACKED     1: filters are [column tile][slab][COLUMNS rows of 128 swizzled bytes], one bulk copy a slab (WARPGROUP)
//   SECOND     1: from k = firstDepth on, k values come from `second`, seen through a strided 1 x 1 window: the last
//              1 x 1 convolution of a block and the one on its shortcut in one (the first must be 1 x 1 too)
// input [N, height, width, pixelStride], of which a tap reads `channels`; filter [outputs][depth], depth = taps times
// channels rounded up to 64, or packed; bias [outputs]; residual (null or the output's own memory), output
// [pixels][outputs]. Global size: (outputs / COLUMNS rounded up * 32 WARPS, pixels / ROWS rounded up).

#define T (WARPS * 32)
#define LEFT_LOADS (ROWS * 8 / T)
#define RIGHT_LOADS (COLUMNS * 8 / T)
#define LEFT_BYTES (ROWS * 128)
#define STAGE_BYTES ((ROWS + COLUMNS) * 128)
#define TILE_BYTES (ROWS * COLUMNS * 2)
#define TILE_LOADS (ROWS * COLUMNS / 8 / T)
#if EPILOGUE
#define TILE_START (STAGES * STAGE_BYTES)
#define LOCAL_BYTES (TILE_START + TILE_BYTES)
#else
#define TILE_START 0
#define LOCAL_BYTES (STAGES * STAGE_BYTES > TILE_BYTES ? STAGES * STAGE_BYTES : TILE_BYTES)
#endif
#if ONCE
#define AHEAD STAGES
#else
#define AHEAD (STAGES - 1 - LAG)
#endif
// Waits until the slab that is AHEAD - 1 commits old has landed.
#if AHEAD == 1
#define WAIT_STAGE() COPY_WAIT(0)
#elif AHEAD == 2
#define WAIT_STAGE() COPY_WAIT(1)
#elif AHEAD == 3
#define WAIT_STAGE() COPY_WAIT(2)
#else
#error "AHEAD is 1, 2 or 3"
#endif

#if WARPGROUP
#define TILES_I (ROWS / (64 * (WARPS / 4)))
#define TILES_J (COLUMNS / 8)
#define TILE_ROW(i, h) (((warp >> 2) * TILES_I + (i)) * 64 + (warp & 3) * 16 + g + (h) * 8)
#define TILE_COLUMN 0
#define SUM(i, j, h, x) sum[i][(j) * 4 + (h) * 2 + (x)]
#define PRODUCT PASTE(WGMMA_N, COLUMNS)
#else
#define WARP_ROWS (ROWS / (WARPS / ACROSS))
#define WARP_COLUMNS (COLUMNS / ACROSS)
#define TILES_I (WARP_ROWS / 16)
#define TILES_J (WARP_COLUMNS / 8)
#define TILE_ROW(i, h) (firstRow + (i) * 16 + g + (h) * 8)
#define TILE_COLUMN firstColumn
#define SUM(i, j, h, x) sum[i][j][(h) * 2 + (x)]
#endif

__kernel __attribute__((reqd_work_group_size(T, 1, 1))) void convolve_tensor(
    const __global stored *restrict input, const __global stored *restrict filter, const __global float *restrict bias,
    const __global stored *residual, __global stored *output, int pixels, int depth, int height, int width,
    int channels, int pixelStride, int outHeight, int outWidth, int outputs, int columns, int strideRows,
    int strideColumns, int dilationRows, int dilationColumns, int top, int left,
#if SECOND
    const __global stored *restrict second, int firstDepth, int secondHeight, int secondWidth, int secondChannels,
    int secondStride,
#endif
    float low, float high) {
  __local uchar memory[LOCAL_BYTES + PACKED * 64] __attribute__((aligned(1024)));
#if !defined(NVIDIA) && !WARPGROUP
  __local uint exchange[WARPS * 192];
#endif
  LOCAL_BASE(base);
  const int t = (int)get_local_id(0), lane = t & 31, warp = t >> 5;
  const int firstPixel = (int)get_group_id(1) * ROWS, firstOutput = (int)get_group_id(0) * COLUMNS;
  // The chunk that this item copies, and the rows line, line + T / 8, ...
  const int chunk = t & 7, line = t >> 3;
  const uint target = base + line * 128 + ((chunk ^ (line & 7)) << 4);

  // Where the windows of this item's staged rows start, and which of their taps lie inside the image.
  int start[LEFT_LOADS];
  uint inside[LEFT_LOADS];
#if SECOND
  const int taps = 1;
  int startSecond[LEFT_LOADS];
#else
  const int taps = depth / (((channels + 63) >> 6) << 6);
#endif
  UNROLL
  for (int p = 0; p < LEFT_LOADS; ++p) {
    const int wanted = firstPixel + line + p * (T / 8);
    const int pixel = wanted < pixels ? wanted : 0;
    const int ox = pixel % outWidth, oy = pixel / outWidth % outHeight, n = pixel / outWidth / outHeight;
    const int y = oy * strideRows - top, x = ox * strideColumns - left;
    start[p] = ((n * height + y) * width + x) * pixelStride + chunk * 8;
#if SECOND
    startSecond[p] =
        ((n * secondHeight + oy * secondStride) * secondWidth + ox * secondStride) * secondChannels + chunk * 8;
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

#if PACKED
  const __global stored *tileFilter = filter + (long)get_group_id(0) * COLUMNS * depth;
  const uint arrivals = base + LOCAL_BYTES;
  if (t == 0) {
    for (int s = 0; s < STAGES; ++s) BULK_BARRIER(arrivals + s * 8);
  }
  barrier(CLK_LOCAL_MEM_FENCE);
#define STAGE_RIGHT(stage)                                                                                            \
  if (t == 0) {                                                                                                       \
    BULK_EXPECT(arrivals + (stage) * 8, COLUMNS * 128);                                                               \
    BULK_COPY(base + (stage) * STAGE_BYTES + LEFT_BYTES, tileFilter + (long)k * COLUMNS, COLUMNS * 128,               \
              arrivals + (stage) * 8);                                                                                \
  }
#else
  const int filterStart = (firstOutput + line) * depth + chunk * 8;
#define STAGE_RIGHT(stage)                                                                                            \
  UNROLL                                                                                                              \
  for (int p = 0; p < RIGHT_LOADS; ++p) {                                                                             \
    const int valid = firstOutput + line + p * (T / 8) < outputs;                                                     \
    COPY16(target + (stage) * STAGE_BYTES + LEFT_BYTES + p * (T / 8) * 128,                                           \
           filter + (valid ? (long)(filterStart + p * (T / 8) * depth + k) : 0L), valid << 4);                        \
  }
#endif

  // The slab to copy next: k values from k on, channels from c on of tap `tap`, at `offset` from the window's start.
  int k = 0, c = 0, tap = 0, s = 0, offset = 0;
#if SECOND
  const __global stored *source = input;
  int sourceChannels = channels;
#define NEXT_SLAB()                                                                                                   \
  k += 64;                                                                                                            \
  c += 64;                                                                                                            \
  if (k == firstDepth) {                                                                                              \
    c = 0;                                                                                                            \
    source = second;                                                                                                  \
    sourceChannels = secondChannels;                                                                                  \
    UNROLL                                                                                                            \
    for (int p = 0; p < LEFT_LOADS; ++p) start[p] = startSecond[p];                                                   \
  }
#else
#define source input
#define sourceChannels channels
#define NEXT_SLAB()                                                                                                   \
  k += 64;                                                                                                            \
  c += 64;                                                                                                            \
  if (c >= channels) {                                                                                                \
    c = 0;                                                                                                            \
    ++tap;                                                                                                            \
    offset += dilationColumns * pixelStride;                                                                          \
    if (++s == columns) {                                                                                             \
      s = 0;                                                                                                          \
      offset += (dilationRows * width - columns * dilationColumns) * pixelStride;                                     \
    }                                                                                                                 \
  }
#endif
#define STAGE(stage)                                                                                                  \
  do {                                                                                                                \
    const int withinChannels = c + chunk * 8 < sourceChannels ? 1 : 0;                                                \
    UNROLL                                                                                                            \
    for (int p = 0; p < LEFT_LOADS; ++p) {                                                                            \
      const int valid = (int)((inside[p] >> tap) & 1u) & withinChannels;                                              \
      COPY16(target + (stage) * STAGE_BYTES + p * (T / 8) * 128,                                                      \
             source + (valid ? (long)(start[p] + offset + c) : 0L), valid << 4);                                      \
    }                                                                                                                 \
    STAGE_RIGHT(stage)                                                                                                \
    NEXT_SLAB()                                                                                                       \
  } while (0)
// The residual tile, row by row in chunks of eight outputs.
#define FETCH_RESIDUAL()                                                                                              \
  do {                                                                                                                \
    UNROLL                                                                                                            \
    for (int p = 0; p < TILE_LOADS; ++p) {                                                                            \
      const int e = p * T + t, row = e / (COLUMNS / 8), q = e % (COLUMNS / 8);                                        \
      const int valid = firstPixel + row < pixels && firstOutput + q * 8 < outputs ? 1 : 0;                           \
      COPY16(base + TILE_START + row * (COLUMNS * 2) + ((q ^ (row & 7)) << 4),                                        \
             residual + (valid ? (long)(firstPixel + row) * outputs + firstOutput + q * 8 : 0L), valid << 4);         \
    }                                                                                                                 \
  } while (0)

#if EPILOGUE
  if (residual) FETCH_RESIDUAL();
#endif
  const int slabs = depth / 64;
#if WARPGROUP
  float sum[TILES_I][COLUMNS / 2];
  UNROLL
  for (int i = 0; i < TILES_I; ++i) {
    UNROLL
    for (int v = 0; v < COLUMNS / 2; ++v) sum[i][v] = 0.0f;
  }
#else
  float sum[TILES_I][TILES_J][4];
  UNROLL
  for (int i = 0; i < TILES_I; ++i) {
    UNROLL
    for (int j = 0; j < TILES_J; ++j) {
      UNROLL
      for (int v = 0; v < 4; ++v) sum[i][j][v] = 0.0f;
    }
  }
  const int firstRow = (warp / ACROSS) * WARP_ROWS, firstColumn = (warp % ACROSS) * WARP_COLUMNS;
#endif
  UNROLL
  for (int stage = 0; stage < AHEAD; ++stage) {
    if (stage < slabs) STAGE(stage);
    COPY_COMMIT();
  }
  int now = 0, next = AHEAD % STAGES;
#if PACKED
  uint phase = 0;
#endif
  for (int slab = 0; slab < slabs; ++slab) {
    WAIT_STAGE();
#if PACKED
    BULK_WAIT(arrivals + now * 8, phase);
#endif
#if WARPGROUP
    PROXY_FENCE();
#endif
    // The slab `now` has landed for everyone, and nobody reads the stage `next` any more.
    barrier(CLK_LOCAL_MEM_FENCE);
    const uint a = base + now * STAGE_BYTES, b = a + LEFT_BYTES;
#if WARPGROUP
    const ulong form = ((ulong)1 << 62) | ((ulong)64 << 32) | ((ulong)1 << 16);
    const ulong left64 = form | (((a + (warp >> 2) * TILES_I * 8192) & 0x3ffff) >> 4);
    const ulong right64 = form | ((b & 0x3ffff) >> 4);
    WG_FENCE();
    UNROLL
    for (int q = 0; q < 4; ++q) {
      UNROLL
      for (int i = 0; i < TILES_I; ++i) PRODUCT(sum[i], left64 + i * 512 + q * 2, right64 + q * 2);
    }
    WG_COMMIT();
#endif
#if !ONCE
    if (slab + AHEAD < slabs) STAGE(next);
#endif
    COPY_COMMIT();
#if WARPGROUP && LAG
    WG_WAIT(1);
#elif WARPGROUP
    WG_WAIT(0);
#else
    UNROLL
    for (int q = 0; q < 4; ++q) {
      uint x[TILES_I][4], w[TILES_J / 2][4];
#define LEFT_ADDRESS(l) (a + (firstRow + i * 16 + ((l) & 15)) * 128 + (((q * 2 + ((l) >> 4)) ^ ((l) & 7)) << 4))
#define RIGHT_ADDRESS(l)                                                                                              \
  (b + (firstColumn + j * 16 + ((l) & 7) + (((l) >> 4) << 3)) * 128 + (((q * 2 + (((l) >> 3) & 1)) ^ ((l) & 7)) << 4))
      UNROLL
      for (int i = 0; i < TILES_I; ++i) LOAD_MATRICES(x[i], LEFT_ADDRESS, lane);
      UNROLL
      for (int j = 0; j < TILES_J / 2; ++j) LOAD_MATRICES(w[j], RIGHT_ADDRESS, lane);
      UNROLL
      for (int i = 0; i < TILES_I; ++i) {
        UNROLL
        for (int j = 0; j < TILES_J; ++j) MULTIPLY(sum[i][j], x[i], w[j >> 1][(j & 1) * 2], w[j >> 1][(j & 1) * 2 + 1]);
      }
    }
#endif
    if (++now == STAGES) {
      now = 0;
#if PACKED
      phase ^= 1;
#endif
    }
    if (++next == STAGES) next = 0;
  }
#if WARPGROUP
  WG_WAIT(0);
  UNROLL
  for (int i = 0; i < TILES_I; ++i) {
    UNROLL
    for (int v = 0; v < COLUMNS / 2; ++v) PIN(sum[i][v]);
  }
#endif

  // The epilogue goes through local memory, so that global memory sees 16 bytes an item.
  COPY_WAIT(0);
  barrier(CLK_LOCAL_MEM_FENCE);
#if !EPILOGUE
  if (residual) FETCH_RESIDUAL();
  COPY_COMMIT();
  COPY_WAIT(0);
  barrier(CLK_LOCAL_MEM_FENCE);
#endif
  const int g = lane >> 2, pair = lane & 3;
  UNROLL
  for (int j = 0; j < TILES_J; ++j) {
    const int column = TILE_COLUMN + j * 8 + pair * 2;
    const int o = firstOutput + column < outputs ? firstOutput + column : 0;
    const float bias0 = bias[o], bias1 = bias[o + 1];
    UNROLL
    for (int i = 0; i < TILES_I; ++i) {
      UNROLL
      for (int h = 0; h < 2; ++h) {
        const int row = TILE_ROW(i, h);
        const uint at = base + TILE_START + row * (COLUMNS * 2) + ((((column >> 3) ^ (row & 7)) << 4) | (pair << 2));
        float v0 = SUM(i, j, h, 0) + bias0, v1 = SUM(i, j, h, 1) + bias1;
        uint u;
        if (residual) {
          float r0, r1;
          LOAD4(u, at);
          UNPACK(r0, r1, u);
          v0 += r0;
          v1 += r1;
        }
        v0 = activate(v0, low, high);
        v1 = activate(v1, low, high);
        PACK(u, v0, v1);
        STORE4(at, u);
      }
    }
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  UNROLL
  for (int p = 0; p < TILE_LOADS; ++p) {
    const int e = p * T + t, row = e / (COLUMNS / 8), q = e % (COLUMNS / 8);
    if (firstPixel + row < pixels && firstOutput + q * 8 < outputs) {
      uint4 v;
      LOAD16(v, base + TILE_START + row * (COLUMNS * 2) + ((q ^ (row & 7)) << 4));
      *(__global uint4 *)(output + (long)(firstPixel + row) * outputs + firstOutput + q * 8) = v;
    }
  }
}
