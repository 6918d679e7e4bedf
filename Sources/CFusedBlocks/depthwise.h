// One row of a depthwise layer for 16 channels: a chunk of output pixels in registers, each input vector loaded once a
// row. A chunk may run over the end of the row; what it stores there is overwritten by the next row or never read.
#pragma once
#include "tiles.h"

/// What a row needs. `rows` are the map's rows under the window, at the 16 channels; their places are `place` floats
/// apart.
typedef struct {
  const float *rows[5];
  size_t place;
  int width;
  const float *filter, *bias;
  float low, high;
  char *output;
  size_t pitch;
} depthwise_row;

#if BRAIN
/// Two taps a product: pixel x of the map is half x & 1 of place (x + 2) / 2. `odd` tells whether the first tap of pixel
/// 0 is the right half of a place; there are weights for both, [row][odd][places][16][2].
INLINE void chunk(
    const int extent, const int stride, const int odd, const int pixels, const depthwise_row *d, int x) {
  const int places = (extent + 1) / 2;
  __m512 sum[14];
  UNROLL for (int i = 0; i < pixels; i++) sum[i] = _mm512_loadu_ps(d->bias);
  UNROLL for (int r = 0; r < extent; r++) {
    const float *p = d->rows[r] + (size_t)(x * stride / 2) * d->place;
    __m512bh w[2][3];
    UNROLL for (int o = 0; o < 2; o++) {
      UNROLL for (int j = 0; j < places; j++) {
        if (stride == 1 || o == odd) w[o][j] = (__m512bh)_mm512_loadu_ps(d->filter + ((r * 2 + o) * places + j) * 16);
      }
    }
    UNROLL for (int q = 0; q < ((pixels - 1) * stride + odd) / 2 + places; q++) {
      const __m512bh v = (__m512bh)_mm512_loadu_ps(p + q * d->place);
      UNROLL for (int i = 0; i < pixels; i++) {
        const int first = i * stride + odd, j = q - first / 2;
        if (j >= 0 && j < places) sum[i] = _mm512_dpbf16_ps(sum[i], v, w[first & 1][j]);
      }
    }
  }
#else
INLINE void chunk(
    const int extent, const int stride, const int odd, const int pixels, const depthwise_row *d, int x) {
  __m512 sum[14];
  UNROLL for (int i = 0; i < pixels; i++) sum[i] = _mm512_loadu_ps(d->bias);
  UNROLL for (int r = 0; r < extent; r++) {
    const float *p = d->rows[r] + (size_t)(x * stride) * d->place;
    __m512 w[5];
    UNROLL for (int s = 0; s < extent; s++) w[s] = _mm512_loadu_ps(d->filter + (r * extent + s) * 16);
    UNROLL for (int q = 0; q < (pixels - 1) * stride + extent; q++) {
      const __m512 v = _mm512_loadu_ps(p + q * d->place);
      UNROLL for (int s = 0; s < extent; s++) {
        if (q >= s && (q - s) % stride == 0 && (q - s) / stride < pixels) {
          sum[(q - s) / stride] = _mm512_fmadd_ps(v, w[s], sum[(q - s) / stride]);
        }
      }
    }
  }
#endif
  const __m512 l = _mm512_set1_ps(d->low), h = _mm512_set1_ps(d->high);
  UNROLL for (int i = 0; i < pixels; i++) store((number *)(d->output + (x + i) * d->pitch), clip(sum[i], l, h));
}

// Chunks of 14 where at least 8 pixels are left; `place` is a constant, so that loads need no address arithmetic.
#define DEPTHWISE(EXTENT, STRIDE, ODD, PLACE, LONG)                                                      \
  TARGET static void depthwise_##EXTENT##_##STRIDE##_##ODD##_##PLACE(const depthwise_row *row) {         \
    depthwise_row d = *row;                                                                              \
    d.place = PLACE;                                                                                     \
    int x = 0;                                                                                           \
    if (LONG) {                                                                                          \
      for (; d.width - x > 7; x += 14) chunk(EXTENT, STRIDE, ODD, 14, &d, x);                            \
    }                                                                                                    \
    for (; x < d.width; x += 7) chunk(EXTENT, STRIDE, ODD, 7, &d, x);                                    \
  }

typedef void (*depthwise_function)(const depthwise_row *row);

// [extent 3, 5][stride 1, 2][odd][slab 48, 32]
#if BRAIN
#define BOTH(EXTENT, STRIDE, PLACE) DEPTHWISE(EXTENT, STRIDE, 0, PLACE, 1) DEPTHWISE(EXTENT, STRIDE, 1, PLACE, 1)
#define NAMES(EXTENT, STRIDE, PLACE) \
  { depthwise_##EXTENT##_##STRIDE##_0_##PLACE, depthwise_##EXTENT##_##STRIDE##_1_##PLACE }
#else
#define BOTH(EXTENT, STRIDE, PLACE) DEPTHWISE(EXTENT, STRIDE, 0, PLACE, STRIDE == 1)
#define NAMES(EXTENT, STRIDE, PLACE) { depthwise_##EXTENT##_##STRIDE##_0_##PLACE, 0 }
#endif
BOTH(3, 1, 48) BOTH(3, 2, 48) BOTH(5, 1, 48) BOTH(5, 2, 48)
BOTH(3, 1, 32) BOTH(3, 2, 32) BOTH(5, 1, 32) BOTH(5, 2, 32)

static const depthwise_function depthwise_functions[2][2][2][2] = {
    {{NAMES(3, 1, 48), NAMES(3, 2, 48)}, {NAMES(5, 1, 48), NAMES(5, 2, 48)}},
    {{NAMES(3, 1, 32), NAMES(3, 2, 32)}, {NAMES(5, 1, 32), NAMES(5, 2, 32)}}};  // [slab][extent][stride][odd]
