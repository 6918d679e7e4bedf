// Register tiles: products of a few pixels with up to three vectors of output channels. Included once for float32 and
// once for bfloat16 (BRAIN), where a word holds two numbers along the sum.
#pragma once
#include <immintrin.h>
#include <string.h>

#include "plan.h"

#define INLINE TARGET static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

#if BRAIN
typedef uint16_t number;
#else
typedef float number;
#endif

/// x < low ? low : x > high ? high : x; maximum and minimum hand back their second operand where one is a NaN.
INLINE __m512 clip(__m512 x, __m512 low, __m512 high) { return _mm512_min_ps(high, _mm512_max_ps(low, x)); }

INLINE __m512 load(const number *p, __mmask16 mask) {
#if BRAIN
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, p)), 16));
#else
  return _mm512_maskz_loadu_ps(mask, p);
#endif
}

/// Stores numbers, rounded to nearest even.
INLINE void store(number *p, __m512 x) {
#if BRAIN
  _mm256_storeu_si256((__m256i *)p, (__m256i)_mm512_cvtneps_pbh(x));
#else
  _mm512_storeu_ps(p, x);
#endif
}

INLINE void store_some(number *p, __mmask16 mask, __m512 x) {
#if BRAIN
  _mm256_mask_storeu_epi16(p, mask, (__m256i)_mm512_cvtneps_pbh(x));
#else
  _mm512_mask_storeu_ps(p, mask, x);
#endif
}

/// Sums of `pixels` x `vectors` vectors. With `half` the last vector has 8 lanes in use and is held in `part`.
typedef struct {
  __m512 sum[14][3];
  __m256 part[14];
} tile;

INLINE void start(const int pixels, const int vectors, const int half, tile *t, const float *bias) {
  const int whole = vectors - half;
  UNROLL for (int i = 0; i < pixels; i++) {
    UNROLL for (int j = 0; j < whole; j++) t->sum[i][j] = _mm512_loadu_ps(bias + 16 * j);
    if (half) t->part[i] = _mm256_loadu_ps(bias + 16 * whole);
  }
}

/// Adds the products of words k of each pixel (`pitch` bytes apart) with row k of the panel [words][16 vectors].
INLINE void multiply(
    const int pixels, const int vectors, const int half, tile *t, const char *a, size_t pitch, const char *panel,
    int words) {
  const int whole = vectors - half;
  const char *a7 = a + 7 * pitch;
  for (int k = 0; k < words; k++) {
    __m512 w[3];
    UNROLL for (int j = 0; j < whole; j++) w[j] = _mm512_loadu_ps(panel + 64 * j);
    __m256 h = half ? _mm256_loadu_ps((const float *)(panel + 64 * whole)) : _mm256_setzero_ps();
    UNROLL for (int i = 0; i < pixels; i++) {
      const char *p = (i < 7 ? a : a7) + i % 7 * pitch;
#if BRAIN
      const __m512i x = _mm512_set1_epi32(*(const int *)p);
      UNROLL for (int j = 0; j < whole; j++) t->sum[i][j] = _mm512_dpbf16_ps(t->sum[i][j], (__m512bh)x, (__m512bh)w[j]);
      if (half) t->part[i] = _mm256_dpbf16_ps(t->part[i], (__m256bh)_mm512_castsi512_si256(x), (__m256bh)h);
#else
      const __m512 x = _mm512_set1_ps(*(const float *)p);
      UNROLL for (int j = 0; j < whole; j++) t->sum[i][j] = _mm512_fmadd_ps(x, w[j], t->sum[i][j]);
      if (half) t->part[i] = _mm256_fmadd_ps(_mm512_castps512_ps256(x), h, t->part[i]);
#endif
    }
    a += 4;
    a7 += 4;
    panel += 64 * vectors;
  }
}

/// Stores a tile of the expanded map into a slab, whose places are `vectors` vectors apart: a pixel each, or for
/// bfloat16 a pair of pixels, the left one in the lower half of each word, zero where the pair has no right one.
INLINE void finish_slab(const int pixels, const int vectors, const tile *t, float low, float high, float *slab) {
  const __m512 l = _mm512_set1_ps(low), h = _mm512_set1_ps(high);
#if BRAIN
  const __m512i order = _mm512_add_epi32(
      _mm512_mullo_epi32(
          _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0), _mm512_set1_epi32(0x10001)),
      _mm512_set1_epi32(0x100000));
  UNROLL for (int i = 0; i < pixels; i += 2) {
    UNROLL for (int j = 0; j < vectors; j++) {
      const __m512 left = clip(t->sum[i][j], l, h);
      const __m512 right = i + 1 < pixels ? clip(t->sum[i + 1 < pixels ? i + 1 : i][j], l, h) : _mm512_setzero_ps();
      _mm512_storeu_si512(
          slab + (i / 2 * vectors + j) * 16, _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(right, left)));
    }
  }
#else
  UNROLL for (int i = 0; i < pixels; i++) {
    UNROLL for (int j = 0; j < vectors; j++) _mm512_storeu_ps(slab + (i * vectors + j) * 16, clip(t->sum[i][j], l, h));
  }
#endif
}

/// Adds the residual, clips and stores; `last` tells which lanes of the last vector exist.
INLINE void finish(
    const int pixels, const int vectors, const int half, const tile *t, float low, float high, number *output,
    const number *residual, size_t channels, __mmask16 last) {
  const __m512 l = _mm512_set1_ps(low), h = _mm512_set1_ps(high);
  UNROLL for (int i = 0; i < pixels; i++) {
    UNROLL for (int j = 0; j < vectors; j++) {
      const size_t place = i * channels + 16 * j;
      __m512 x = half && j == vectors - 1 ? _mm512_insertf32x8(_mm512_setzero_ps(), t->part[i], 0) : t->sum[i][j];
      if (residual) x = _mm512_add_ps(x, load(residual + place, j == vectors - 1 ? last : 0xffff));
      x = clip(x, l, h);
      if (j == vectors - 1) store_some(output + place, last, x); else store(output + place, x);
    }
  }
}
