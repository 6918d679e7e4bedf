// Convolution as an implicit matrix product in tiles of local memory (R1), for GPUs; plain OpenCL C 1.2.
//
// A work-group of 128 items computes 128 pixels x TILE_COLUMNS (64 or 128) outputs: four groups of 32 items below each
// other, an item 8 x (TILE_COLUMNS / 8) outputs at rows ty + 4 i and columns tx + 8 j of its group's 32 rows. Slabs of
// 16 k values are staged in two buffers, rows of four 16-byte chunks whose order is XORed with the row against bank
// conflicts; loads of the next slab are held in registers during the products. Sums are fma chains in the order of k,
// so that an output's bits do not depend on its place in the batch. Unrolling the chunk loop costs registers and a
// third of the speed (prototypes/convolution), so it is not unrolled.
//
// QUADS (compile time): 1 if channels % 4 == 0 and there are at most 32 taps, so that a chunk lies in one tap; else
// every k value is found alone.
// input [N, height, width, channels]; filter [outputs][k], k padded with zeros to a multiple of 16; bias [outputs];
// residual (null or the output's own memory) and output [pixels][outputs].
// Global size: (outputs / TILE_COLUMNS rounded up * 128, pixels / 128 rounded up).

#define ROWS 128
#define TM 8
#define TN (TILE_COLUMNS / 8)
#define LEFT_LOADS (ROWS * 4 / 128)
#define RIGHT_LOADS (TILE_COLUMNS * 4 / 128)
#define STAGE ((ROWS + TILE_COLUMNS) * 4)
#define POSITION(row, chunk) ((row) * 4 + ((chunk) ^ (((row) >> 1) & 3)))
#ifdef GPU
#define UNROLL __attribute__((opencl_unroll_hint))
#define ROLL __attribute__((opencl_unroll_hint(1)))
#else
#define UNROLL
#define ROLL
#endif

__kernel __attribute__((reqd_work_group_size(128, 1, 1))) void convolve_tiled(
    const __global stored *restrict input, const __global float *restrict filter, const __global float *restrict bias,
    const __global stored *residual, __global stored *output, int pixels, int depth, int height, int width, int channels,
    int outHeight, int outWidth, int outputs, int rows, int columns, int strideRows, int strideColumns,
    int dilationRows, int dilationColumns, int top, int left, float low, float high) {
  __local float4 staged[2 * STAGE];
  const int t = (int)get_local_id(0);
  const int lane = t & 31, warp = t >> 5;
  // Pairs of rows interleaved: a quarter of eight items spans 2 x 4 outputs.
  const int tx = (lane >> 1) & 7, ty = (lane & 1) | ((lane >> 4) << 1);
  const int firstPixel = (int)get_group_id(1) * ROWS, firstOutput = (int)get_group_id(0) * TILE_COLUMNS;
  const int chunk = t & 3, line = t >> 2;
  const int taps = rows * columns;

  // Where the windows of this item's four staged rows start.
  int start[LEFT_LOADS];
#if QUADS
  uint inside[LEFT_LOADS];
#else
  int startRow[LEFT_LOADS], startColumn[LEFT_LOADS];
#endif
  UNROLL
  for (int p = 0; p < LEFT_LOADS; ++p) {
    const int wanted = firstPixel + line + p * 32;
    const int pixel = wanted < pixels ? wanted : 0;
    const int ox = pixel % outWidth, oy = pixel / outWidth % outHeight, n = pixel / outWidth / outHeight;
    const int y = oy * strideRows - top, x = ox * strideColumns - left;
    start[p] = ((n * height + y) * width + x) * channels;
#if QUADS
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
#else
    startRow[p] = wanted < pixels ? y : -0x40000000;
    startColumn[p] = x;
#endif
  }

  float4 heldLeft[LEFT_LOADS], heldRight[RIGHT_LOADS];
  int k = chunk * 4;
#if QUADS
  int tap = k / channels;
  int c = k - tap * channels;
  int r = tap / columns;
  int s = tap - r * columns;
#define FETCH_LEFT()                                                                                                  \
  do {                                                                                                                \
    const int offset = (r * dilationRows * width + s * dilationColumns) * channels + c;                               \
    UNROLL                                                                                                            \
    for (int p = 0; p < LEFT_LOADS; ++p)                                                                              \
      heldLeft[p] = tap < taps && ((inside[p] >> (tap & 31)) & 1u) ? READ4(input, start[p] + offset)                  \
                                                                   : (float4)(0.0f);                                  \
    c += 16;                                                                                                          \
    while (c >= channels) {                                                                                           \
      c -= channels;                                                                                                  \
      ++tap;                                                                                                          \
      if (++s == columns) {                                                                                           \
        s = 0;                                                                                                        \
        ++r;                                                                                                          \
      }                                                                                                               \
    }                                                                                                                 \
  } while (0)
#else
#define FETCH_LEFT()                                                                                                  \
  do {                                                                                                                \
    float found[LEFT_LOADS][4];                                                                                       \
    UNROLL                                                                                                            \
    for (int e = 0; e < 4; ++e) {                                                                                     \
      const int tap = (k + e) / channels, r = tap / columns;                                                          \
      const int dy = r * dilationRows, dx = (tap - r * columns) * dilationColumns;                                    \
      const int offset = (dy * width + dx) * channels + (k + e - tap * channels);                                     \
      UNROLL                                                                                                          \
      for (int p = 0; p < LEFT_LOADS; ++p)                                                                            \
        found[p][e] = tap < taps && (uint)(startRow[p] + dy) < (uint)height &&                                        \
                              (uint)(startColumn[p] + dx) < (uint)width                                               \
                          ? READ(input, start[p] + offset)                                                            \
                          : 0.0f;                                                                                     \
    }                                                                                                                 \
    UNROLL                                                                                                            \
    for (int p = 0; p < LEFT_LOADS; ++p)                                                                              \
      heldLeft[p] = (float4)(found[p][0], found[p][1], found[p][2], found[p][3]);                                     \
  } while (0)
#endif
#define FETCH()                                                                                                       \
  do {                                                                                                                \
    FETCH_LEFT();                                                                                                     \
    UNROLL                                                                                                            \
    for (int p = 0; p < RIGHT_LOADS; ++p) {                                                                           \
      const int o = firstOutput + line + p * 32;                                                                      \
      heldRight[p] = o < outputs ? vload4(0, filter + (o * depth + k)) : (float4)(0.0f);                              \
    }                                                                                                                 \
    k += 16;                                                                                                          \
  } while (0)
#define PUT(stage)                                                                                                    \
  do {                                                                                                                \
    __local float4 *to = staged + (stage) * STAGE;                                                                    \
    UNROLL                                                                                                            \
    for (int p = 0; p < LEFT_LOADS; ++p) to[POSITION(line + p * 32, chunk)] = heldLeft[p];                            \
    UNROLL                                                                                                            \
    for (int p = 0; p < RIGHT_LOADS; ++p) to[ROWS * 4 + POSITION(line + p * 32, chunk)] = heldRight[p];               \
  } while (0)

  float sum[TM][TN];
  UNROLL
  for (int i = 0; i < TM; ++i) {
    UNROLL
    for (int j = 0; j < TN; ++j) sum[i][j] = 0.0f;
  }
  FETCH();
  PUT(0);
  const int slabs = depth / 16;
  for (int slab = 0; slab < slabs; ++slab) {
    barrier(CLK_LOCAL_MEM_FENCE);
    const bool more = slab + 1 < slabs;
    if (more) FETCH();
    const __local float4 *a = staged + (slab & 1) * STAGE, *b = a + ROWS * 4;
    ROLL
    for (int q = 0; q < 4; ++q) {
      float4 x[TM];
      UNROLL
      for (int i = 0; i < TM; ++i) x[i] = a[POSITION(warp * 32 + ty + 4 * i, q)];
      UNROLL
      for (int j = 0; j < TN; ++j) {
        const float4 w = b[POSITION(tx + 8 * j, q)];
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
    if (more) PUT((slab + 1) & 1);
  }

  UNROLL
  for (int i = 0; i < TM; ++i) {
    const int pixel = firstPixel + warp * 32 + ty + 4 * i;
    if (pixel < pixels) {
      UNROLL
      for (int j = 0; j < TN; ++j) {
        const int o = firstOutput + tx + 8 * j;
        if (o < outputs) {
          const long to = (long)pixel * outputs + o;
          float v = sum[i][j] + bias[o];
          if (residual) v += READ(residual, to);
          WRITE(activate(v, low, high), output, to);
        }
      }
    }
  }
}
