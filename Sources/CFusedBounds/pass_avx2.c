// The pass with AVX2 and FMA.
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2,popcnt,lzcnt"))), apply_to = function)
#define LANES 4
#define NAMED(x) x##_avx2
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#define WIDE_TILE 3
#define WIDE_TILE_ROWS 4
#include "pass.h"
#pragma clang attribute pop
#endif
