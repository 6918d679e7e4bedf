// Noise for 32 pixels at a time: Philox4x32-10 over 16 counters, then for each 64-bit word u the count #{j : T_j <= u}.
//
// The count starts from a guide table on the upper 16 bits of u and takes a linear step through the thresholds within
// that cell; most cells have none (the guide says so), and most comparisons are settled by the upper half of the word.
#include "csimd.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline))

enum { BLOCK = 32, COUNTERS = 16 };

// The number of thresholds up to u, from i on.
INLINE int32_t step_through(const csimd_noise_law *law, int32_t i, uint64_t u) {
  while (i < law->count && u >= law->thresholds[i]) i++;
  return i;
}

// z for 32 pixels, in plain C that the compiler turns into vectors of whatever the target has.
INLINE void block_plain(const csimd_noise_law *law, const csimd_noise_request *r, uint32_t counter, int32_t *z) {
  uint32_t a[COUNTERS], b[COUNTERS], c[COUNTERS], d[COUNTERS];
  for (int i = 0; i < COUNTERS; i++) {
    a[i] = counter + (uint32_t)i;
    b[i] = r->sample[0];
    c[i] = r->sample[1];
    d[i] = r->stream;
  }
  uint32_t k0 = r->key[0], k1 = r->key[1];
  for (int round = 0; round < 10; round++) {
    for (int i = 0; i < COUNTERS; i++) {
      uint64_t first = (uint64_t)0xD2511F53u * a[i], second = (uint64_t)0xCD9E8D57u * c[i];
      a[i] = (uint32_t)(second >> 32) ^ b[i] ^ k0;
      c[i] = (uint32_t)(first >> 32) ^ d[i] ^ k1;
      b[i] = (uint32_t)second;
      d[i] = (uint32_t)first;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (int i = 0; i < COUNTERS; i++) {
    uint64_t even = (uint64_t)b[i] << 32 | a[i], odd = (uint64_t)d[i] << 32 | c[i];
    uint32_t even_start = law->guide[even >> 48], odd_start = law->guide[odd >> 48];
    z[2 * i] = (int32_t)(even_start >> 1);
    z[2 * i + 1] = (int32_t)(odd_start >> 1);
    if (even_start & 1) z[2 * i] = step_through(law, z[2 * i], even);
    if (odd_start & 1) z[2 * i + 1] = step_through(law, z[2 * i + 1], odd);
  }
  for (int i = 0; i < BLOCK; i++) z[i] -= law->center;
}

INLINE void finish_uint8_plain(
    const csimd_noise_law *law, const int32_t *z, const uint8_t *pixels, size_t phase, float *out) {
  int32_t place[BLOCK];
  for (int i = 0; i < BLOCK; i++) {
    int32_t y = pixels[i] + z[i];
    y = y < law->lowest ? law->lowest : y;
    y = y > law->highest ? law->highest : y;
    place[i] = law->channel_offset[phase + (size_t)i] + y - law->lowest;
  }
  for (int i = 0; i < BLOCK; i++) out[i] = law->lookup[place[i]];
}

// Whole blocks go straight to the caller's memory, the last one by way of a buffer.
#define LOOP(Pixel, FINISH)                                                                           \
  size_t channels = (size_t)law->channels, phase = first % channels;                                  \
  for (size_t at = 0; at < count; at += BLOCK) {                                                      \
    uint32_t counter = (uint32_t)((first + at) >> 1);                                                 \
    if (count - at >= BLOCK) {                                                                        \
      FINISH(law, request, counter, pixels + at, phase, out + at);                                    \
    } else {                                                                                          \
      Pixel rest[BLOCK] = {0};                                                                        \
      float numbers[BLOCK];                                                                           \
      memcpy(rest, pixels + at, (count - at) * sizeof(Pixel));                                        \
      FINISH(law, request, counter, rest, phase, numbers);                                            \
      memcpy(out + at, numbers, (count - at) * sizeof(float));                                        \
    }                                                                                                 \
    phase = (phase + BLOCK) % channels;                                                               \
  }

INLINE void uint8_block_plain(
    const csimd_noise_law *law, const csimd_noise_request *request, uint32_t counter, const uint8_t *pixels,
    size_t phase, float *out) {
  int32_t z[BLOCK];
  block_plain(law, request, counter, z);
  finish_uint8_plain(law, z, pixels, phase, out);
}

INLINE void float_block_plain(
    const csimd_noise_law *law, const csimd_noise_request *request, uint32_t counter, const float *pixels,
    size_t phase, float *out) {
  int32_t z[BLOCK];
  (void)phase;
  block_plain(law, request, counter, z);
  for (int i = 0; i < BLOCK; i++) out[i] = fmaf((float)z[i], law->step, pixels[i]);
}

#define ARGUMENTS(Pixel)                                                                                             \
  const csimd_noise_law *law, const csimd_noise_request *request, const Pixel *pixels, size_t first, size_t count, \
      float *out

static void uint8_portable(ARGUMENTS(uint8_t)) { LOOP(uint8_t, uint8_block_plain) }
static void float_portable(ARGUMENTS(float)) { LOOP(float, float_block_plain) }

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma,bmi2")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi2")))

AVX2 static void uint8_avx2(ARGUMENTS(uint8_t)) { LOOP(uint8_t, uint8_block_plain) }
AVX2 static void float_avx2(ARGUMENTS(float)) { LOOP(float, float_block_plain) }

// Upper and lower halves of the products of 16 words with a constant.
AVX512 INLINE void multiply(__m512i x, __m512i constant, __m512i *high, __m512i *low) {
  __m512i even = _mm512_mul_epu32(x, constant);
  __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(x, 32), constant);
  *high = _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 32), odd);
  *low = _mm512_mask_blend_epi32(0xAAAA, even, _mm512_slli_epi64(odd, 32));
}

// The counts for 16 words, given by halves.
AVX512 INLINE __m512i count_thresholds(const csimd_noise_law *law, __m512i high, __m512i low) {
  __m512i cell = _mm512_srli_epi32(high, 16);
  __m512i start = _mm512_and_si512(_mm512_i32gather_epi32(cell, law->guide, 2), _mm512_set1_epi32(0xffff));
  __m512i i = _mm512_srli_epi32(start, 1);
  __mmask16 open = _mm512_test_epi32_mask(start, _mm512_set1_epi32(1));
  while (open) {
    __m512i upper = _mm512_mask_i32gather_epi32(_mm512_set1_epi32(-1), open, i, law->upper, 4);
    __mmask16 above = _mm512_mask_cmpgt_epu32_mask(open, high, upper);
    __mmask16 equal = _mm512_mask_cmpeq_epi32_mask(open, high, upper);
    i = _mm512_mask_add_epi32(i, above, i, _mm512_set1_epi32(1));
    if (__builtin_expect(equal != 0, 0)) {
      int32_t lane[COUNTERS];
      uint32_t halves[2][COUNTERS];
      _mm512_storeu_si512(lane, i);
      _mm512_storeu_si512(halves[0], low);
      _mm512_storeu_si512(halves[1], high);
      for (int j = 0; j < COUNTERS; j++) {
        if (equal >> j & 1) lane[j] = step_through(law, lane[j], (uint64_t)halves[1][j] << 32 | halves[0][j]);
      }
      i = _mm512_loadu_si512(lane);
    }
    open = above;
  }
  return i;
}

// z for 32 pixels, in their order.
AVX512 INLINE void block_avx512(
    const csimd_noise_law *law, const csimd_noise_request *r, uint32_t counter, __m512i *left, __m512i *right) {
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i first = _mm512_set1_epi32((int)0xD2511F53u), second = _mm512_set1_epi32((int)0xCD9E8D57u);
  __m512i a = _mm512_add_epi32(_mm512_set1_epi32((int)counter), lanes);
  __m512i b = _mm512_set1_epi32((int)r->sample[0]), c = _mm512_set1_epi32((int)r->sample[1]);
  __m512i d = _mm512_set1_epi32((int)r->stream);
  uint32_t k0 = r->key[0], k1 = r->key[1];
  for (int round = 0; round < 10; round++) {
    __m512i high0, low0, high1, low1;
    multiply(a, first, &high0, &low0);
    multiply(c, second, &high1, &low1);
    a = _mm512_ternarylogic_epi32(high1, b, _mm512_set1_epi32((int)k0), 0x96);
    c = _mm512_ternarylogic_epi32(high0, d, _mm512_set1_epi32((int)k1), 0x96);
    b = low1;
    d = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  __m512i center = _mm512_set1_epi32(law->center);
  __m512i even = _mm512_sub_epi32(count_thresholds(law, b, a), center);
  __m512i odd = _mm512_sub_epi32(count_thresholds(law, d, c), center);
  const __m512i lower = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i upper = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  *left = _mm512_permutex2var_epi32(even, lower, odd);
  *right = _mm512_permutex2var_epi32(even, upper, odd);
}

AVX512 INLINE void finish_uint8(
    const csimd_noise_law *law, __m512i z, const uint8_t *pixels, const int32_t *offset, float *out) {
  __m512i x = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)pixels));
  __m512i lowest = _mm512_set1_epi32(law->lowest), highest = _mm512_set1_epi32(law->highest);
  __m512i y = _mm512_min_epi32(_mm512_max_epi32(_mm512_add_epi32(x, z), lowest), highest);
  __m512i place = _mm512_add_epi32(_mm512_sub_epi32(y, lowest), _mm512_loadu_si512(offset));
  _mm512_storeu_ps(out, _mm512_i32gather_ps(place, law->lookup, 4));
}

AVX512 INLINE void uint8_block(
    const csimd_noise_law *law, const csimd_noise_request *request, uint32_t counter, const uint8_t *pixels,
    size_t phase, float *out) {
  __m512i left, right;
  block_avx512(law, request, counter, &left, &right);
  finish_uint8(law, left, pixels, law->channel_offset + phase, out);
  finish_uint8(law, right, pixels + 16, law->channel_offset + phase + 16, out + 16);
}

AVX512 INLINE void float_block(
    const csimd_noise_law *law, const csimd_noise_request *request, uint32_t counter, const float *pixels,
    size_t phase, float *out) {
  __m512i left, right;
  (void)phase;
  block_avx512(law, request, counter, &left, &right);
  __m512 step = _mm512_set1_ps(law->step);
  _mm512_storeu_ps(out, _mm512_fmadd_ps(_mm512_cvtepi32_ps(left), step, _mm512_loadu_ps(pixels)));
  _mm512_storeu_ps(out + 16, _mm512_fmadd_ps(_mm512_cvtepi32_ps(right), step, _mm512_loadu_ps(pixels + 16)));
}

AVX512 static void uint8_avx512(ARGUMENTS(uint8_t)) { LOOP(uint8_t, uint8_block) }
AVX512 static void float_avx512(ARGUMENTS(float)) { LOOP(float, float_block) }

int csimd_best_level(void) {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
      && __builtin_cpu_supports("avx512vl")) {
    return CSIMD_AVX512;
  }
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")
      ? CSIMD_AVX2 : CSIMD_PORTABLE;
}
#else
int csimd_best_level(void) { return CSIMD_PORTABLE; }
#endif

void csimd_noise_uint8(
    int level, const csimd_noise_law *law, const csimd_noise_request *request, const uint8_t *pixels, size_t first,
    size_t count, float *out) {
#if defined(__x86_64__)
  if (level == CSIMD_AVX512) return uint8_avx512(law, request, pixels, first, count, out);
  if (level == CSIMD_AVX2) return uint8_avx2(law, request, pixels, first, count, out);
#endif
  uint8_portable(law, request, pixels, first, count, out);
}

void csimd_noise_float(
    int level, const csimd_noise_law *law, const csimd_noise_request *request, const float *pixels, size_t first,
    size_t count, float *out) {
#if defined(__x86_64__)
  if (level == CSIMD_AVX512) return float_avx512(law, request, pixels, first, count, out);
  if (level == CSIMD_AVX2) return float_avx2(law, request, pixels, first, count, out);
#endif
  float_portable(law, request, pixels, first, count, out);
}
