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
  // A slab of a whole map that stays in the first-level cache, or a map too small for strips.
  const int map = b->height * b->width * b->slab * (bfloat16 ? 2 : 4);
  if (map <= 160 << 10 || b->out_width < 7) {
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

// Panels of up to three vectors: [word][16 vectors], the two numbers of a word side by side.
static void pack_projection(const cfused_block *b, int brain, const float *filter, int used, void *packed) {
  const int depth = brain ? 2 : 1, vectors = (b->outputs + 15) / 16;
  size_t start = 0;
  for (int v = 0; v < vectors;) {
    const int wide = panel_vectors(vectors - v);
    for (int output = 16 * v; output < 16 * (v + wide) && output < b->outputs; output++) {
      for (int k = 0; k < used; k++) {
        const size_t place = start + ((size_t)(k / depth) * 16 * wide + output - 16 * v) * depth + k % depth;
        put(packed, place, brain, filter[(size_t)output * used + k]);
      }
    }
    start += (size_t)b->expanded * 16 * wide;
    v += wide;
  }
}

void cfused_pack(const cfused_block *b, int stage, int bfloat16, const float *filter, int channels_used, void *packed) {
  memset(packed, 0, cfused_packed_bytes(b, stage, bfloat16));
  switch (stage) {
    case 0: pack_expansion(b, bfloat16, filter, channels_used, packed); break;
    case 1: pack_depthwise(b, bfloat16, filter, channels_used, packed); break;
    default: pack_projection(b, bfloat16, filter, channels_used, packed); break;
  }
}
