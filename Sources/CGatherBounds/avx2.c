// AVX2 with FMA: 24 items of binary32 or 12 of binary64, four neurons in 12 registers of sums.
#include "cgather.h"
#include "levels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#define ISA_NAME "AVX2"

#define REAL float
#define INT int32_t
#define LANES 8
#define TILE 4
#define SUFFIX 32
#define FMA(a, b, c) __builtin_elementwise_fma(a, b, c)
#define PACK(m) _mm256_movemask_ps((__m256)(m))
#define UNPACK(bits) (((M)((INT)(bits)) & (M){1, 2, 4, 8, 16, 32, 64, 128}) != (M)(0))
#include "steps.h"

#define REAL double
#define INT int64_t
#define LANES 4
#define TILE 4
#define SUFFIX 64
#define FMA(a, b, c) __builtin_elementwise_fma(a, b, c)
#define PACK(m) _mm256_movemask_pd((__m256d)(m))
#define UNPACK(bits) (((M)((INT)(bits)) & (M){1, 2, 4, 8}) != (M)(0))
#include "steps.h"

#pragma clang attribute pop

const cgather_loops *cgather_avx2(int is_wide) { return is_wide ? &loops64 : &loops32; }
#else
const cgather_loops *cgather_avx2(int is_wide) { return cgather_portable(is_wide); }
#endif
