// The pass with AVX-512.
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma,bmi,bmi2,popcnt,lzcnt"))), apply_to = function)
#define LANES 8
#define NAMED(x) x##_avx512
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#define COMPRESSES 1
#define WIDE_TILE 4
#define WIDE_TILE_ROWS 6
#include "pass.h"
#pragma clang attribute pop
#endif
