// Choices and packing, which need no vector instructions.
#include "plan.h"

#include <string.h>

int cfused_level(void) {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vl") ||
      !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("fma")) {
    return 0;
  }
  return __builtin_cpu_supports("avx512bf16") ? 2 : 1;
#else
  return 0;
#endif
}

size_t cfused_workspace(const cfused_block *block, int bfloat16) {
#if defined(__x86_64__)
  return bfloat16 ? cfused_workspace_bfloat16(block) : cfused_workspace_float32(block);
#else
  return 0;
#endif
}

void cfused_choose(cfused_block *b, int images, int bfloat16) {
  // A slab of a whole map that stays in the second-level cache.
  const size_t map = (size_t)b->height * b->width * b->slab * (bfloat16 ? 2 : 4);
  if (map <= 160 << 10) {
    const size_t result = (size_t)b->out_height * b->out_width * depthwise_pitch(b, bfloat16);
    const size_t fitting = ((size_t)3 << 20) / result;
    b->strip = b->out_height;
    b->group = fitting < 1 ? 1 : fitting < (size_t)images ? (int)fitting : images;
  } else {
    b->strip = b->out_height < 4 ? b->out_height : 4;
    b->group = 1;
  }
}

size_t cfused_packed_bytes(const cfused_block *b, int stage, int bfloat16) {
  const size_t words = bfloat16 ? 2 : 1;
  switch (stage) {
    case 0: return (size_t)b->expanded * b->expand_extent * run_words(b, bfloat16) * 4;
    case 1: return (size_t)b->expanded * b->extent * (bfloat16 ? (b->extent + 1) / 2 * 2 : b->extent) * 4;
    default: return (size_t)(b->outputs + 15) / 16 * 16 * (b->expanded / words) * 4;
  }
}

static uint16_t rounded(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  if (x != x) return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static void put(void *packed, size_t index, int bfloat16, float x) {
  if (bfloat16) ((uint16_t *)packed)[index] = rounded(x); else ((float *)packed)[index] = x;
}

// [slab][window row][word][slab channel], the two numbers of a word side by side.
static void pack_expansion(const cfused_block *b, int brain, const float *filter, int used, void *packed) {
  const int depth = brain ? 2 : 1, run = b->expand_extent * b->channels, words = run_words(b, brain);
  for (int channel = 0; channel < used; channel++) {
    const int slab = channel / b->slab, lane = channel % b->slab;
    for (int row = 0; row < b->expand_extent; row++) {
      for (int k = 0; k < run; k++) {
        const size_t word = ((size_t)slab * b->expand_extent + row) * words + k / depth;
        put(packed, (word * b->slab + lane) * depth + k % depth, brain,
            filter[((size_t)channel * b->expand_extent + row) * run + k]);
      }
    }
  }
}

// [vector][row][column][16], or for bfloat16 [vector][row][odd][place][16][2]: with `odd` the first tap is the right
// half of the first place.
static void pack_depthwise(const cfused_block *b, int brain, const float *filter, int used, void *packed) {
  const int e = b->extent, places = (e + 1) / 2;
  for (int channel = 0; channel < used; channel++) {
    const int lane = channel % 16;
    for (int row = 0; row < e; row++) {
      for (int column = 0; column < e; column++) {
        const float x = filter[((size_t)channel * e + row) * e + column];
        const size_t line = (size_t)channel / 16 * e + row;
        if (!brain) {
          put(packed, (line * e + column) * 16 + lane, 0, x);
          continue;
        }
        for (int odd = 0; odd < 2; odd++) {
          const size_t place = (line * 2 + odd) * places + (column + odd) / 2;
          put(packed, (place * 16 + lane) * 2 + (column + odd) % 2, 1, x);
        }
      }
    }
  }
}

// Panels of up to three vectors of outputs: [panel][window row][word][16 vectors], the two numbers of a word side by
// side. Filters are [outputs][rows][run].
static void pack_panels(int brain, const float *filter, int outputs, int rows, int run, int words, void *packed) {
  const int depth = brain ? 2 : 1, vectors = (outputs + 15) / 16;
  size_t start = 0;
  for (int v = 0; v < vectors;) {
    const int wide = panel_vectors(vectors - v);
    for (int output = 16 * v; output < 16 * (v + wide) && output < outputs; output++) {
      for (int row = 0; row < rows; row++) {
        for (int k = 0; k < run; k++) {
          const size_t word = (size_t)row * words + k / depth;
          put(packed, (start + word * 16 * wide + output - 16 * v) * depth + k % depth, brain,
              filter[((size_t)output * rows + row) * run + k]);
        }
      }
    }
    start += (size_t)rows * words * 16 * wide;
    v += wide;
  }
}

void cfused_pack(const cfused_block *b, int stage, int bfloat16, const float *filter, int channels_used, void *packed) {
  memset(packed, 0, cfused_packed_bytes(b, stage, bfloat16));
  switch (stage) {
    case 0: pack_expansion(b, bfloat16, filter, channels_used, packed); break;
    case 1: pack_depthwise(b, bfloat16, filter, channels_used, packed); break;
    default:
      pack_panels(
          bfloat16, filter, b->outputs, 1, channels_used, b->expanded / (bfloat16 ? 2 : 1), packed);
      break;
  }
}

void cfused_choose_convolution(cfused_convolution *c, int bfloat16) {
  // The strip's input takes a good part of a second-level cache; the rest is for the panel.
  const size_t bytes = bfloat16 ? 2 : 4, room = (size_t)192 << 10;
  if (c->extent == 1 && c->stride == 1) {
    const size_t pixels = room / (c->channels * bytes) / 14 * 14;
    c->strip = pixels < 56 ? 56 : pixels > 1 << 20 ? 1 << 20 : (int)pixels;
    return;
  }
  const size_t row = convolution_row(c) * bytes * c->stride, rows = room / row;
  c->strip = rows < 1 ? 1 : rows > (size_t)c->out_height ? c->out_height : (int)rows;
}

size_t cfused_convolution_bytes(const cfused_convolution *c, int bfloat16) {
  return (size_t)(c->outputs + 15) / 16 * 16 * c->extent * convolution_words(c, bfloat16) * 4;
}

size_t cfused_convolution_workspace(const cfused_convolution *c, int bfloat16) {
  if (c->extent == 1) return 64;
  return ((size_t)(c->strip - 1) * c->stride + c->extent) * convolution_row(c) * (bfloat16 ? 2 : 4);
}

void cfused_pack_convolution(const cfused_convolution *c, int bfloat16, const float *filter, void *packed) {
  memset(packed, 0, cfused_convolution_bytes(c, bfloat16));
  pack_panels(
      bfloat16, filter, c->outputs, c->extent, c->extent * c->channels, convolution_words(c, bfloat16), packed);
}

#if !defined(__x86_64__)
// For the linker: the level is 0, so nobody calls them.
#define NOTHING(NAME, SHAPE)                                                                                    \
  void NAME(const SHAPE *s, void *workspace, const void *input, const void *residual, void *output, int images) { \
    (void)s, (void)workspace, (void)input, (void)residual, (void)output, (void)images;                          \
  }
NOTHING(cfused_run_float32, cfused_block)
NOTHING(cfused_run_bfloat16, cfused_block)
NOTHING(cfused_convolve_float32, cfused_convolution)
NOTHING(cfused_convolve_bfloat16, cfused_convolution)
#endif
