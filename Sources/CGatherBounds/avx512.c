// AVX-512: 48 items of binary32 or 24 of binary64, eight neurons in 24 registers of sums.
#include "cgather.h"
#include "levels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma"))), apply_to = function)

#define ISA_NAME "AVX-512"

#define REAL float
#define INT int32_t
#define LANES 16
#define TILE 8
#define SUFFIX 32
#define FMA(a, b, c) __builtin_elementwise_fma(a, b, c)
#define PACK(m) _mm512_movepi32_mask((__m512i)(m))
#define UNPACK(bits) ((M)_mm512_movm_epi32(bits))
#include "steps.h"

#define REAL double
#define INT int64_t
#define LANES 8
#define TILE 8
#define SUFFIX 64
#define FMA(a, b, c) __builtin_elementwise_fma(a, b, c)
#define PACK(m) _mm512_movepi64_mask((__m512i)(m))
#define UNPACK(bits) ((M)_mm512_movm_epi64((__mmask8)(bits)))
#include "steps.h"

#pragma clang attribute pop

const cgather_loops *cgather_avx512(int is_wide) { return is_wide ? &loops64 : &loops32; }
#else
const cgather_loops *cgather_avx512(int is_wide) { return cgather_portable(is_wide); }
#endif
