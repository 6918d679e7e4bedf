// How fast this processor multiplies and adds: chains of products in registers, one kind of product a loop. The peak that
// measured rates are compared with, and the reason to prefer float32 on processors whose bfloat16 is slow.
#include "csimd.h"

#include <cpuid.h>
#include <immintrin.h>
#include <time.h>

// Twelve independent sums hide the latency of every product instruction.
#define SUMS 12
// The factor: 2^-5, whose square 2^-10 is exact in every type; in int8 sums are counted in units of 2^-10.
#define FACTOR 0x1p-5f
#define UNIT 0x1p-10f

// One loop: LANES sums in a register, STEP one instruction, PRODUCTS the products that it adds to each sum. The empty
// assembly keeps every sum in a register and every instruction in the loop.
#define PRODUCT_LOOP(NAME, TARGET, REGISTER, LANES, PRODUCTS, PREPARE, LOAD, STEP, STORE)                                \
  __attribute__((target(TARGET))) static void NAME(const float *start, float *out, size_t count, size_t rounds) {       \
    PREPARE;                                                                                                            \
    for (size_t first = 0; first + SUMS * LANES <= count; first += SUMS * LANES) {                                      \
      REGISTER sums[SUMS];                                                                                              \
      for (int i = 0; i < SUMS; i++) {                                                                                  \
        const float *from = start + first + i * LANES;                                                                  \
        sums[i] = LOAD;                                                                                                 \
      }                                                                                                                 \
      for (size_t round = 0; round < rounds; round += PRODUCTS) {                                                       \
        _Pragma("unroll") for (int i = 0; i < SUMS; i++) sums[i] = STEP;                                                \
        _Pragma("unroll") for (int i = 0; i < SUMS; i++) __asm__ volatile("" : "+v"(sums[i]));                                            \
      }                                                                                                                 \
      for (int i = 0; i < SUMS; i++) {                                                                                  \
        float *to = out + first + i * LANES;                                                                            \
        STORE;                                                                                                          \
      }                                                                                                                 \
    }                                                                                                                   \
  }

PRODUCT_LOOP(
    float32_sse, "sse2", __m128, 4, 1, const __m128 x = _mm_set1_ps(FACTOR), _mm_loadu_ps(from),
    _mm_add_ps(_mm_mul_ps(x, x), sums[i]), _mm_storeu_ps(to, sums[i]))
PRODUCT_LOOP(
    float32_avx2, "avx2,fma", __m256, 8, 1, const __m256 x = _mm256_set1_ps(FACTOR), _mm256_loadu_ps(from),
    _mm256_fmadd_ps(x, x, sums[i]), _mm256_storeu_ps(to, sums[i]))
PRODUCT_LOOP(
    float32_avx512, "avx512f", __m512, 16, 1, const __m512 x = _mm512_set1_ps(FACTOR), _mm512_loadu_ps(from),
    _mm512_fmadd_ps(x, x, sums[i]), _mm512_storeu_ps(to, sums[i]))
// 0x3D00 is 2^-5 in bfloat16.
PRODUCT_LOOP(
    bfloat16_avx512, "avx512f,avx512bf16", __m512, 16, 2, const __m512bh x = (__m512bh)_mm512_set1_epi16(0x3D00),
    _mm512_loadu_ps(from), _mm512_dpbf16_ps(sums[i], x, x), _mm512_storeu_ps(to, sums[i]))
PRODUCT_LOOP(
    int8_avx512, "avx512f,avx512vnni", __m512i, 16, 4, const __m512i x = _mm512_set1_epi8(1),
    _mm512_cvtps_epi32(_mm512_div_ps(_mm512_loadu_ps(from), _mm512_set1_ps(UNIT))), _mm512_dpbusd_epi32(sums[i], x, x),
    _mm512_storeu_ps(to, _mm512_mul_ps(_mm512_cvtepi32_ps(sums[i]), _mm512_set1_ps(UNIT))))

typedef void (*product_loop)(const float *, float *, size_t, size_t);

// Tiles multiply several times faster than the vectors here, so that with them the loops below are no peak.
static int has_tiles(unsigned bit) {
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && d >> bit & 1;
}

// The fastest loop of this processor, or NULL.
static product_loop loop(csimd_product product) {
  const int avx512 = __builtin_cpu_supports("avx512f");
  switch (product) {
  case CSIMD_PRODUCT_FLOAT32:
    if (avx512) return float32_avx512;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? float32_avx2 : float32_sse;
  case CSIMD_PRODUCT_BFLOAT16:
    return avx512 && __builtin_cpu_supports("avx512bf16") ? bfloat16_avx512 : NULL;
  case CSIMD_PRODUCT_INT8:
    return avx512 && __builtin_cpu_supports("avx512vnni") ? int8_avx512 : NULL;
  }
  return NULL;
}

int csimd_has_products(csimd_product product) {
  if (product == CSIMD_PRODUCT_BFLOAT16 && has_tiles(22)) return 0;
  if (product == CSIMD_PRODUCT_INT8 && has_tiles(25)) return 0;
  return loop(product) != NULL;
}

void csimd_multiply_adds(csimd_product product, const float *start, float *out, size_t count, size_t rounds) {
  const product_loop best = loop(product);
  if (best) best(start, out, count, rounds);
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double time_of(csimd_product product) {
  float sums[CSIMD_PRODUCT_SUMS] = {0};
  const double start = seconds();
  csimd_multiply_adds(product, sums, sums, CSIMD_PRODUCT_SUMS, 4096);
  return seconds() - start;
}

double csimd_bfloat16_speedup(void) {
  if (!loop(CSIMD_PRODUCT_BFLOAT16)) return 0;
  double single = 1e9, brain = 1e9;
  // The fastest of several runs: what the instruction can do, whatever else the machine is doing.
  for (int run = 0; run < 7; run++) {
    const double a = time_of(CSIMD_PRODUCT_FLOAT32), b = time_of(CSIMD_PRODUCT_BFLOAT16);
    if (a < single) single = a;
    if (b < brain) brain = b;
  }
  return single / brain;
}
