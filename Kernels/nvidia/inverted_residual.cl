#include "nvidia/ptx.cl"
// A whole inverted residual block of 16-bit activations on tensor cores by mma.sync (R3): a 1 x 1 convolution to
// EXPANDED channels, a depthwise one of SIZE x SIZE, a 1 x 1 convolution to OUT channels; ReLU6 after the first two,
// and the block's input added at the end where RESIDUAL.
//
// The expanded map lives in local memory only, SLAB channels at a time for a tile of pixels and its halo; the depthwise
// result lives in registers only: its sums, packed to 16 bits, are the left operand of the projection. The depthwise
// products run on tensor cores too: one product does two taps of eight channels, A being 16 pixels x (8 channels at one
// tap, 8 at the next), straight from local memory, and B two diagonals of weights. A row's operands stay in registers
// for all output rows that use them. Every result that the three convolutions would store is rounded as they would:
// after ReLU6, to nearest. Zeros beside the diagonals turn an infinity into a NaN, but ReLU6 leaves no infinity.
// STEM: the expansion is the network's first convolution instead, 3 x 3 of stride 2 on up to four channels, read in
// place from the padded image with four numbers a pixel (space_to_depth.cl, PITCH 4): k is 3 rows x 4 pixels x 4.
//
// A warp computes WARP_ROWS output rows of 16 pixels, which are two octets: MODE 0 side by side, 1 one below the other,
// 2 in two images. A work-group has ACROSS x DOWN such warps, times SHARED: so many warps share a tile and split the
// channels of a slab, their sums joined in order at the end. BUFFERS 2: the next slab is expanded while one is used.
// Sums run in the same order for every pixel and every image of a batch.
//
// Compile time: STORED; IN, EXPANDED, OUT (IN and OUT multiples of 8, EXPANDED of SLAB, SLAB of 16); SIZE 3 or 5,
// STRIDE 1 or 2, PAD; HEIGHT, WIDTH of the expanded map, OUT_HEIGHT, OUT_WIDTH; RESIDUAL, STEM, IMAGE_ROWS and
// IMAGE_COLUMNS of the padded image; SLAB, WARP_ROWS, ACROSS, DOWN, MODE, BUFFERS, TOGETHER (strips of 16 slots
// expanded at once), SHARED. input [N, HEIGHT, WIDTH, IN] or [N, IMAGE_ROWS, IMAGE_COLUMNS, 4]; expand and project as B
// operands (InvertedResidual+ OpenCL.swift): [EXPANDED / 16][k / 16][lane] and [EXPANDED / 16][OUT / 16 rounded
// up][lane] of four words; depthwise [EXPANDED][SIZE 3: 8, 5: 16] words of two taps; biases in binary32, the last
// padded to 16; output [N, .., .., OUT]. Global size: tiles across x tiles down x images (MODE 2: pairs of images),
// times the items of a work-group.

#define TILE_WARPS (ACROSS * DOWN)
#define WARPS (TILE_WARPS * SHARED)
#define T (WARPS * 32)
#define BANDS (MODE == 1 ? 2 : 1)
#define TILE_HEIGHT (DOWN * WARP_ROWS * BANDS)
#define TILE_WIDTH (ACROSS * (MODE == 0 ? 16 : 8))
#define IMAGES (MODE == 2 ? 2 : 1)
// The tile of the expanded map: its pixels are slots; with stride 2 even and odd columns stand apart.
#define HALO_HEIGHT ((TILE_HEIGHT - 1) * STRIDE + SIZE)
#define HALO_WIDTH ((TILE_WIDTH - 1) * STRIDE + SIZE)
#define HALF_WIDTH ((HALO_WIDTH + 1) / 2)
#define SLOT_WIDTH (STRIDE == 1 ? HALO_WIDTH : 2 * HALF_WIDTH)
#define SLOTS (IMAGES * HALO_HEIGHT * SLOT_WIDTH)
#define STRIPS ((SLOTS + 15) / 16)
#define WARP_STRIPS ((STRIPS + WARPS - 1) / WARPS)
#define EXPANDED_PITCH (SLAB * 2 + 16)
#define EXPANDED_BYTES (STRIPS * 16 * EXPANDED_PITCH)
#define OUT8 (OUT / 8)
#define OUT16 ((OUT + 15) / 16)
#define PAIRS ((SIZE * SIZE + 1) / 2)
#define PAIR_WORDS (SIZE == 3 ? 8 : 16)
#define OUT_PITCH (OUT8 % 2 ? OUT * 2 : OUT * 2 + 16)
#define OUT_BYTES (IMAGES * TILE_HEIGHT * TILE_WIDTH * OUT_PITCH)
#define TILES_ACROSS ((OUT_WIDTH + TILE_WIDTH - 1) / TILE_WIDTH)
#define TILES_DOWN ((OUT_HEIGHT + TILE_HEIGHT - 1) / TILE_HEIGHT)
#if STEM
#define K16 3
#define RAW_HEIGHT (2 * HALO_HEIGHT + 1)
#define RAW_PITCH ((HALO_WIDTH + 1) * 16)
#define INPUT_BYTES (RAW_HEIGHT * RAW_PITCH)
#else
#define K16 ((IN + 15) / 16)
#define INPUT_PITCH (K16 * 32 + 16)
#define INPUT_BYTES (STRIPS * 16 * INPUT_PITCH)
#endif
#if SHARED > 1
// The sums of an octet of channels of all warps but the first set, and how many octets are joined at a time.
#define JOIN_BYTES (WARP_ROWS * 16 * 32 * TILE_WARPS * (SHARED - 1))
#define JOIN_FIT (BUFFERS * EXPANDED_BYTES / JOIN_BYTES)
#define JOINED (JOIN_FIT < 1 ? 1 : JOIN_FIT > OUT8 ? OUT8 : JOIN_FIT)
#define WORK_BYTES (BUFFERS * EXPANDED_BYTES > JOINED * JOIN_BYTES ? BUFFERS * EXPANDED_BYTES : JOINED * JOIN_BYTES)
#else
#define WORK_BYTES (BUFFERS * EXPANDED_BYTES)
#endif
#define LOCAL_BYTES (INPUT_BYTES + WORK_BYTES > OUT_BYTES ? INPUT_BYTES + WORK_BYTES : OUT_BYTES)
// Where octet h of a warp stands in the tile.
#define OCTET_Y(h) (wy * WARP_ROWS * BANDS + (MODE == 1 ? (h) * WARP_ROWS : 0))
#define OCTET_X(h) (wx * (MODE == 0 ? 16 : 8) + (MODE == 0 ? (h) * 8 : 0))
#define OCTET_IMAGE(h) (MODE == 2 ? (h) : 0)
#define SLOT_COLUMN(x) (STRIDE == 1 ? (x) : (x) >= HALF_WIDTH ? 2 * ((x) - HALF_WIDTH) + 1 : 2 * (x))
#if defined(NVIDIA) && K16 > 6
#define UNROLL_K __attribute__((opencl_unroll_hint(4)))
#else
#define UNROLL_K UNROLL
#endif
// Strips one at a time are a loop, which keeps few addresses in registers.
#if TOGETHER == 1
#define UNROLL_STRIPS ROLL
#else
#define UNROLL_STRIPS UNROLL
#endif

__kernel __attribute__((reqd_work_group_size(T, 1, 1))) void inverted_residual(
    const __global stored *restrict input, __global stored *restrict output, const __global uint4 *restrict expand,
    const __global float *restrict expandBias, const __global uint4 *restrict depthwise,
    const __global float *restrict depthwiseBias, const __global uint4 *restrict project,
    const __global float *restrict projectBias, int images) {
  __local uchar memory[LOCAL_BYTES] __attribute__((aligned(1024)));
#ifndef NVIDIA
  __local uint exchange[WARPS * 192];
#endif
  LOCAL_BASE(base);
  const int item = (int)get_local_id(0), lane = item & 31, warp = item >> 5, g = lane >> 2, t = lane & 3;
  const int ws = warp % TILE_WARPS, wc = warp / TILE_WARPS, wx = ws % ACROSS, wy = ws / ACROSS;
  // Weights come from the second cache: late blocks' are large, and every work-group wants them at the same time.
#define PREFETCH_ALL(from, bytes)                                                                                     \
  for (int at = (((int)get_group_id(0) & 7) * T + item) * 128; at < (bytes); at += 8 * T * 128)                       \
  PREFETCH((const __global uchar *)(from) + at)
  if (EXPANDED * OUT >= 32 * 1024) {
    PREFETCH_ALL(expand, EXPANDED * K16 * 32);
    PREFETCH_ALL(project, EXPANDED * OUT16 * 32);
    PREFETCH_ALL(depthwise, EXPANDED * PAIR_WORDS * 4);
  }
  int tile = (int)get_group_id(0);
  const int tx = tile % TILES_ACROSS;
  tile /= TILES_ACROSS;
  const int ty = tile % TILES_DOWN, n0 = tile / TILES_DOWN * IMAGES;
  const int y0 = ty * TILE_HEIGHT * STRIDE - PAD, x0 = tx * TILE_WIDTH * STRIDE - PAD;

#if STEM
  for (int e = item; e < RAW_HEIGHT * (HALO_WIDTH + 1); e += T) {
    const int r = e / (HALO_WIDTH + 1), c = e % (HALO_WIDTH + 1), y = 2 * y0 + r, x = 2 * x0 + 2 * c;
    const int valid = (uint)y < IMAGE_ROWS && (uint)x < IMAGE_COLUMNS ? 1 : 0;
    COPY16(base + r * RAW_PITCH + c * 16,
           input + (valid ? (((long)n0 * IMAGE_ROWS + y) * IMAGE_COLUMNS + x) * 4 : 0L), valid << 4);
  }
#else
  for (int e = item; e < SLOTS * K16 * 2; e += T) {
    const int chunk = e % (K16 * 2), slot = e / (K16 * 2), sx = slot % SLOT_WIDTH, sy = slot / SLOT_WIDTH % HALO_HEIGHT;
    const int n = n0 + slot / SLOT_WIDTH / HALO_HEIGHT, y = y0 + sy, x = x0 + SLOT_COLUMN(sx);
    const int valid =
        (uint)y < HEIGHT && (uint)x < WIDTH && chunk * 8 < IN && n < images ? 1 : 0;
    COPY16(base + slot * INPUT_PITCH + chunk * 16,
           input + (valid ? (((long)n * HEIGHT + y) * WIDTH + x) * IN + chunk * 8 : 0L), valid << 4);
  }
#endif
  COPY_COMMIT();
  // Which of this lane's slots lie in the map: the expanded map is zero outside it.
  ulong inside = 0;
  UNROLL
  for (int k = 0; k < 2 * WARP_STRIPS; ++k) {
    const int slot = (warp + WARPS * (k >> 1)) * 16 + g + 8 * (k & 1);
    const int y = y0 + slot / SLOT_WIDTH % HALO_HEIGHT, x = x0 + SLOT_COLUMN(slot % SLOT_WIDTH);
    if (slot < SLOTS && (uint)y < HEIGHT && (uint)x < WIDTH) inside |= (ulong)1 << k;
  }
  // How this lane puts its weight on the diagonals: the low half of a word for the first tap, the high half for the
  // next.
  const int diagonal = (g >> 1) == t;
  const uint first = diagonal ? ((g & 1) ? 0x1044u : 0x4410u) : 0x4444u;
  const uint next = diagonal ? ((g & 1) ? 0x3244u : 0x4432u) : 0x4444u;
  float sum[WARP_ROWS][OUT8][4];
  UNROLL
  for (int i = 0; i < WARP_ROWS; ++i) {
    UNROLL
    for (int j = 0; j < OUT8; ++j) {
      UNROLL
      for (int v = 0; v < 4; ++v) sum[i][j][v] = 0.0f;
    }
  }
  COPY_WAIT(0);
  barrier(CLK_LOCAL_MEM_FENCE);

  // Expansion of one slab: every warp takes strips of 16 slots in turn.
#define STRIP(k) min(warp + WARPS *(k), STRIPS - 1)
#define IS_LIVE(k) (warp + WARPS * (k) < STRIPS)
#ifdef NVIDIA
#define IF_LIVE(k) if (IS_LIVE(k))
#else
#define IF_LIVE(k)
#endif
#define STRIP_ROW(l) (((l)&7) + ((((l) >> 3) & 1) << 3))
#if STEM
#define STRIP_SLOT(l) min(STRIP(k0 + k) * 16 + STRIP_ROW(l), SLOTS - 1)
#define INPUT_ADDRESS(l)                                                                                              \
  (base + ((2 * (STRIP_SLOT(l) / HALO_WIDTH) + kk) * (HALO_WIDTH + 1) + STRIP_SLOT(l) % HALO_WIDTH) * 16 +            \
   (((l) >> 4) << 4))
#else
#define INPUT_ADDRESS(l) (base + (STRIP(k0 + k) * 16 + STRIP_ROW(l)) * INPUT_PITCH + kk * 32 + (((l) >> 4) << 4))
#endif
#define SLAB_ADDRESS(l) (at + (STRIP(k0 + k) * 16 + STRIP_ROW(l)) * EXPANDED_PITCH + j * 32 + (((l) >> 4) << 4))
#define EXPAND(slab, buffer)                                                                                          \
  do {                                                                                                                \
    const uint at = buffer;                                                                                           \
    UNROLL_STRIPS                                                                                                     \
    for (int k0 = 0; k0 < WARP_STRIPS; k0 += TOGETHER) {                                                              \
      float d[TOGETHER][SLAB / 8][4];                                                                                 \
      UNROLL                                                                                                          \
      for (int j = 0; j < SLAB / 8; ++j) {                                                                            \
        const float2 b = *(const __global float2 *)(expandBias + (slab)*SLAB + j * 8 + t * 2);                        \
        UNROLL                                                                                                        \
        for (int k = 0; k < TOGETHER; ++k) {                                                                          \
          d[k][j][0] = d[k][j][2] = b.x;                                                                              \
          d[k][j][1] = d[k][j][3] = b.y;                                                                              \
        }                                                                                                             \
      }                                                                                                               \
      UNROLL_K                                                                                                        \
      for (int kk = 0; kk < K16; ++kk) {                                                                              \
        uint4 w[SLAB / 16];                                                                                           \
        UNROLL                                                                                                        \
        for (int j = 0; j < SLAB / 16; ++j) w[j] = expand[(((slab) * (SLAB / 16) + j) * K16 + kk) * 32 + lane];       \
        UNROLL                                                                                                        \
        for (int k = 0; k < TOGETHER; ++k) IF_LIVE(k0 + k) {                                                          \
            uint x[4];                                                                                                \
            LOAD_MATRICES(x, INPUT_ADDRESS, lane);                                                                    \
            UNROLL                                                                                                    \
            for (int j = 0; j < SLAB / 16; ++j) {                                                                     \
              MULTIPLY(d[k][2 * j], x, w[j].x, w[j].y);                                                               \
              MULTIPLY(d[k][2 * j + 1], x, w[j].z, w[j].w);                                                           \
            }                                                                                                         \
          }                                                                                                           \
      }                                                                                                               \
      UNROLL                                                                                                          \
      for (int k = 0; k < TOGETHER; ++k) {                                                                            \
        if (IS_LIVE(k0 + k)) {                                                                                        \
          const uint keep0 = (inside >> (2 * (k0 + k))) & 1 ? 0xffffffffu : 0u;                                       \
          const uint keep1 = (inside >> (2 * (k0 + k) + 1)) & 1 ? 0xffffffffu : 0u;                                   \
          UNROLL                                                                                                      \
          for (int j = 0; j < SLAB / 16; ++j) {                                                                       \
            uint r[4];                                                                                                \
            PACK6(r[0], d[k][2 * j][0], d[k][2 * j][1]);                                                              \
            PACK6(r[1], d[k][2 * j][2], d[k][2 * j][3]);                                                              \
            PACK6(r[2], d[k][2 * j + 1][0], d[k][2 * j + 1][1]);                                                      \
            PACK6(r[3], d[k][2 * j + 1][2], d[k][2 * j + 1][3]);                                                      \
            r[0] &= keep0;                                                                                            \
            r[1] &= keep1;                                                                                            \
            r[2] &= keep0;                                                                                            \
            r[3] &= keep1;                                                                                            \
            STORE_MATRICES(r, SLAB_ADDRESS, lane);                                                                    \
          }                                                                                                           \
        }                                                                                                             \
      }                                                                                                               \
    }                                                                                                                 \
  } while (0)

  // The depthwise layer of 16 channels of a slab, and their part of the projection.
#define HALO_ROWS ((WARP_ROWS - 1) * STRIDE + SIZE)
#define TAP_SLOT(l)                                                                                                   \
  (((OCTET_IMAGE(((l) >> 3) & 1) * HALO_HEIGHT + OCTET_Y(((l) >> 3) & 1) * STRIDE + y) * SLOT_WIDTH) +                \
   OCTET_X(((l) >> 3) & 1) + ((l)&7) + (STRIDE == 1 ? s + ((l) >> 4) : (s >> 1) + ((l) >> 4) * HALF_WIDTH))
#define TAP_ADDRESS(l) (at + TAP_SLOT(l) * EXPANDED_PITCH + (c16 * 2 + c) * 16)
#define LOAD_WEIGHTS(diagonals, b, octet)                                                                             \
  do {                                                                                                                \
    uint words[PAIR_WORDS];                                                                                           \
    UNROLL                                                                                                            \
    for (int v = 0; v < PAIR_WORDS / 4; ++v) {                                                                        \
      const uint4 four = depthwise[((octet)*8 + g) * (PAIR_WORDS / 4) + v];                                           \
      words[v * 4] = four.x;                                                                                          \
      words[v * 4 + 1] = four.y;                                                                                      \
      words[v * 4 + 2] = four.z;                                                                                      \
      words[v * 4 + 3] = four.w;                                                                                      \
    }                                                                                                                 \
    UNROLL                                                                                                            \
    for (int m = 0; m < PAIRS; ++m) {                                                                                 \
      PERMUTE(diagonals[m][0], words[m], first);                                                                      \
      PERMUTE(diagonals[m][1], words[m], next);                                                                       \
    }                                                                                                                 \
    b = *(const __global float2 *)(depthwiseBias + (octet)*8 + t * 2);                                                \
  } while (0)
#define LOAD_TAPS(x)                                                                                                  \
  UNROLL                                                                                                              \
  for (int y = 0; y < HALO_ROWS; ++y) {                                                                               \
    UNROLL                                                                                                            \
    for (int s = 0; s < SIZE; s += 2) {                                                                               \
      uint q[4];                                                                                                      \
      if (s + 1 < SIZE) {                                                                                             \
        LOAD_MATRICES(q, TAP_ADDRESS, lane);                                                                          \
        x[y][s + 1 < SIZE ? s + 1 : 0][0] = q[2];                                                                     \
        x[y][s + 1 < SIZE ? s + 1 : 0][1] = q[3];                                                                     \
      } else {                                                                                                        \
        LOAD_MATRICES2(q, TAP_ADDRESS, lane);                                                                         \
      }                                                                                                               \
      x[y][s][0] = q[0];                                                                                              \
      x[y][s][1] = q[1];                                                                                              \
    }                                                                                                                 \
  }
#define MULTIPLY_TAPS(d, x, w)                                                                                        \
  do {                                                                                                                \
    const int one = 2 * m, two = 2 * m + 1 < SIZE * SIZE ? 2 * m + 1 : 2 * m;                                         \
    uint a[4];                                                                                                        \
    a[0] = x[row * STRIDE + one / SIZE][one % SIZE][0];                                                               \
    a[1] = x[row * STRIDE + one / SIZE][one % SIZE][1];                                                               \
    a[2] = x[row * STRIDE + two / SIZE][two % SIZE][0];                                                               \
    a[3] = x[row * STRIDE + two / SIZE][two % SIZE][1];                                                               \
    MULTIPLY(d, a, w[m][0], w[m][1]);                                                                                 \
  } while (0)
  // Three rows of taps leave registers for both octets of channels at once; five make two chains of sums instead.
#if SIZE == 3
#define DEPTHWISE(slab)                                                                                               \
  do {                                                                                                                \
    uint w[2][PAIRS][2], x[2][HALO_ROWS][SIZE][2];                                                                    \
    float2 b[2];                                                                                                      \
    float d[2][WARP_ROWS][4];                                                                                         \
    UNROLL                                                                                                            \
    for (int c = 0; c < 2; ++c) {                                                                                     \
      const int octet = (slab) * (SLAB / 8) + c16 * 2 + c;                                                            \
      LOAD_WEIGHTS(w[c], b[c], octet);                                                                                \
    }                                                                                                                 \
    UNROLL                                                                                                            \
    for (int c = 0; c < 2; ++c) {                                                                                     \
      LOAD_TAPS(x[c])                                                                                                 \
      UNROLL                                                                                                          \
      for (int row = 0; row < WARP_ROWS; ++row) {                                                                     \
        d[c][row][0] = d[c][row][2] = b[c].x;                                                                         \
        d[c][row][1] = d[c][row][3] = b[c].y;                                                                         \
      }                                                                                                               \
    }                                                                                                                 \
    UNROLL                                                                                                            \
    for (int m = 0; m < PAIRS; ++m) {                                                                                 \
      UNROLL                                                                                                          \
      for (int c = 0; c < 2; ++c) {                                                                                   \
        UNROLL                                                                                                        \
        for (int row = 0; row < WARP_ROWS; ++row) MULTIPLY_TAPS(d[c][row], x[c], w[c]);                               \
      }                                                                                                               \
    }                                                                                                                 \
    UNROLL                                                                                                            \
    for (int c = 0; c < 2; ++c) {                                                                                     \
      UNROLL                                                                                                          \
      for (int row = 0; row < WARP_ROWS; ++row) {                                                                     \
        PACK6(left[row][c * 2], d[c][row][0], d[c][row][1]);                                                          \
        PACK6(left[row][c * 2 + 1], d[c][row][2], d[c][row][3]);                                                      \
      }                                                                                                               \
    }                                                                                                                 \
  } while (0)
#else
#define DEPTHWISE(slab)                                                                                               \
  do {                                                                                                                \
    UNROLL                                                                                                            \
    for (int c = 0; c < 2; ++c) {                                                                                     \
      const int octet = (slab) * (SLAB / 8) + c16 * 2 + c;                                                            \
      uint w[PAIRS][2], x[HALO_ROWS][SIZE][2];                                                                        \
      float2 b;                                                                                                       \
      float d[WARP_ROWS][2][4];                                                                                       \
      LOAD_WEIGHTS(w, b, octet);                                                                                      \
      LOAD_TAPS(x)                                                                                                    \
      UNROLL                                                                                                          \
      for (int row = 0; row < WARP_ROWS; ++row) {                                                                     \
        d[row][0][0] = d[row][0][2] = b.x;                                                                            \
        d[row][0][1] = d[row][0][3] = b.y;                                                                            \
        UNROLL                                                                                                        \
        for (int v = 0; v < 4; ++v) d[row][1][v] = 0.0f;                                                              \
      }                                                                                                               \
      UNROLL                                                                                                          \
      for (int m = 0; m < PAIRS; ++m) {                                                                               \
        UNROLL                                                                                                        \
        for (int row = 0; row < WARP_ROWS; ++row) MULTIPLY_TAPS(d[row][m & 1], x, w);                                 \
      }                                                                                                               \
      UNROLL                                                                                                          \
      for (int row = 0; row < WARP_ROWS; ++row) {                                                                     \
        PACK6(left[row][c * 2], d[row][0][0] + d[row][1][0], d[row][0][1] + d[row][1][1]);                            \
        PACK6(left[row][c * 2 + 1], d[row][0][2] + d[row][1][2], d[row][0][3] + d[row][1][3]);                        \
      }                                                                                                               \
    }                                                                                                                 \
  } while (0)
#endif
#define PROJECT(slab, buffer)                                                                                         \
  do {                                                                                                                \
    const uint at = buffer;                                                                                           \
    ROLL                                                                                                              \
    for (int part = 0; part < SLAB / 16; part += SHARED) {                                                            \
      const int c16 = part + wc;                                                                                      \
      uint left[WARP_ROWS][4];                                                                                        \
      DEPTHWISE(slab);                                                                                                \
      UNROLL                                                                                                          \
      for (int j = 0; j < OUT16; ++j) {                                                                               \
        const uint4 w = project[(((slab) * (SLAB / 16) + c16) * OUT16 + j) * 32 + lane];                              \
        UNROLL                                                                                                        \
        for (int row = 0; row < WARP_ROWS; ++row) {                                                                   \
          MULTIPLY(sum[row][2 * j], left[row], w.x, w.y);                                                             \
          if (2 * j + 1 < OUT8) MULTIPLY(sum[row][(2 * j + 1) % OUT8], left[row], w.z, w.w);                          \
        }                                                                                                             \
      }                                                                                                               \
    }                                                                                                                 \
  } while (0)

  const uint work = base + INPUT_BYTES;
#if BUFFERS == 2
  EXPAND(0, work);
  barrier(CLK_LOCAL_MEM_FENCE);
  ROLL
  for (int slab = 0; slab < EXPANDED / SLAB; ++slab) {
#ifdef NVIDIA
    if (slab + 1 < EXPANDED / SLAB) EXPAND(slab + 1, work + ((slab + 1) & 1) * EXPANDED_BYTES);
#else
    // Emulated products hold barriers, which may not stand in a condition: the last slab is expanded again for nothing.
    EXPAND(min(slab + 1, EXPANDED / SLAB - 1), work + ((slab + 1) & 1) * EXPANDED_BYTES);
#endif
    PROJECT(slab, work + (slab & 1) * EXPANDED_BYTES);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
#else
  ROLL
  for (int slab = 0; slab < EXPANDED / SLAB; ++slab) {
    EXPAND(slab, work);
    barrier(CLK_LOCAL_MEM_FENCE);
    PROJECT(slab, work);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
#endif

#if SHARED > 1
  // The other sets of warps hand their sums to the first, which adds them in order.
  for (int j0 = 0; j0 < OUT8; j0 += JOINED) {
    UNROLL
    for (int j = 0; j < OUT8; ++j) {
      if (wc > 0 && j >= j0 && j < j0 + JOINED) {
        UNROLL
        for (int row = 0; row < WARP_ROWS; ++row) {
          UNROLL
          for (int v = 0; v < 4; ++v)
            STORE4(
                work + (((((wc - 1) * TILE_WARPS + ws) * JOINED + j - j0) * WARP_ROWS + row) * 4 + v) * 128 + lane * 4,
                as_uint(sum[row][j][v]));
        }
      }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    UNROLL
    for (int c = 0; c < SHARED - 1; ++c) {
      UNROLL
      for (int j = 0; j < OUT8; ++j) {
        if (wc == 0 && j >= j0 && j < j0 + JOINED) {
          UNROLL
          for (int row = 0; row < WARP_ROWS; ++row) {
            UNROLL
            for (int v = 0; v < 4; ++v) {
              uint u;
              LOAD4(u, work + ((((c * TILE_WARPS + ws) * JOINED + j - j0) * WARP_ROWS + row) * 4 + v) * 128 + lane * 4);
              sum[row][j][v] += as_float(u);
            }
          }
        }
      }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
#endif

  uint packed[WARP_ROWS][OUT8][2];
  UNROLL
  for (int j = 0; j < OUT8; ++j) {
    const int column = j * 8 + t * 2;
    const float2 b = *(const __global float2 *)(projectBias + column);
    UNROLL
    for (int row = 0; row < WARP_ROWS; ++row) {
      UNROLL
      for (int h = 0; h < 2; ++h) {
        float v0 = sum[row][j][h * 2] + b.x, v1 = sum[row][j][h * 2 + 1] + b.y;
#if RESIDUAL
        uint u;
        float r0, r1;
        LOAD4(u, base +
                     ((OCTET_IMAGE(h) * HALO_HEIGHT + OCTET_Y(h) + row + PAD) * SLOT_WIDTH + OCTET_X(h) + g + PAD) *
                         INPUT_PITCH +
                     column * 2);
        UNPACK(r0, r1, u);
        v0 += r0;
        v1 += r1;
#endif
        PACK(packed[row][j][h], v0, v1);
      }
    }
  }
  // The result takes the place of the input.
  barrier(CLK_LOCAL_MEM_FENCE);
  if (wc == 0) {
    UNROLL
    for (int j = 0; j < OUT8; ++j) {
      UNROLL
      for (int row = 0; row < WARP_ROWS; ++row) {
        UNROLL
        for (int h = 0; h < 2; ++h)
          STORE4(base + ((OCTET_IMAGE(h) * TILE_HEIGHT + OCTET_Y(h) + row) * TILE_WIDTH + OCTET_X(h) + g) * OUT_PITCH +
                     j * 16 + t * 4,
                 packed[row][j][h]);
      }
    }
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int e = item; e < IMAGES * TILE_HEIGHT * TILE_WIDTH * OUT8; e += T) {
    const int chunk = e % OUT8, p = e / OUT8, px = p % TILE_WIDTH, py = p / TILE_WIDTH % TILE_HEIGHT;
    const int n = n0 + p / TILE_WIDTH / TILE_HEIGHT, y = ty * TILE_HEIGHT + py, x = tx * TILE_WIDTH + px;
    if (y < OUT_HEIGHT && x < OUT_WIDTH && n < images) {
      uint4 v;
      LOAD16(v, base + p * OUT_PITCH + chunk * 16);
      *(__global uint4 *)(output + (((long)n * OUT_HEIGHT + y) * OUT_WIDTH + x) * OUT + chunk * 8) = v;
    }
  }
}
