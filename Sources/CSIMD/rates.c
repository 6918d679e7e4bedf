// How fast this processor multiplies: binary32 FMA against bfloat16 dot products, a millisecond each. Not every processor
// that has bfloat16 instructions is faster with them.
#include "csimd.h"

#include <immintrin.h>
#include <time.h>

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// Twelve independent sums hide the latency of either instruction.
#define SUMS 12
#define ROUNDS 4000

__attribute__((target("avx512f"))) static double float32_time(void) {
  __m512 sums[SUMS];
  for (int i = 0; i < SUMS; i++) sums[i] = _mm512_set1_ps((float)i);
  const __m512 x = _mm512_set1_ps(1e-9f);
  const double start = seconds();
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < SUMS; i++) sums[i] = _mm512_fmadd_ps(x, x, sums[i]);
    for (int i = 0; i < SUMS; i++) __asm__ volatile("" : "+v"(sums[i]));
  }
  return seconds() - start;
}

__attribute__((target("avx512f,avx512bf16"))) static double bfloat16_time(void) {
  __m512 sums[SUMS];
  for (int i = 0; i < SUMS; i++) sums[i] = _mm512_set1_ps((float)i);
  const __m512bh x = (__m512bh)_mm512_set1_epi16(0x3080);
  const double start = seconds();
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < SUMS; i++) sums[i] = _mm512_dpbf16_ps(sums[i], x, x);
    for (int i = 0; i < SUMS; i++) __asm__ volatile("" : "+v"(sums[i]));
  }
  return seconds() - start;
}

double csimd_bfloat16_speedup(void) {
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bf16")) return 0;
  double single = 1e9, brain = 1e9;
  // The fastest of several runs: what the instruction can do, whatever else the machine is doing.
  for (int run = 0; run < 7; run++) {
    const double a = float32_time(), b = bfloat16_time();
    if (a < single) single = a;
    if (b < brain) brain = b;
  }
  return 2 * single / brain;
}
