// The pass for each instruction set, and the choice at run time.
#pragma STDC FP_CONTRACT OFF
#include "cproofchecking.h"

// The helpers are always inlined, so how they pass vectors does not matter.
#pragma clang diagnostic ignored "-Wpsabi"
#define INLINED static inline __attribute__((always_inline))

// Eight numbers; coefficient arrays are aligned to 64 bytes, the short arrays are copied.
typedef double vector __attribute__((vector_size(64)));
typedef int64_t mask __attribute__((vector_size(64)));
typedef double loose_vector __attribute__((vector_size(64), aligned(8)));

#define SPLAT(x) ((vector){x, x, x, x, x, x, x, x})
#define LOAD(p) (*(const loose_vector *)(p))
#define STORE(p, x) (*(loose_vector *)(p) = (x))

#define NAME(x) x##_portable
#define FMA(x, y, z) ((x) * (y) + (z))
#include "backward_body.h"
#undef NAME
#undef FMA

#ifdef __x86_64__
#define FMA(x, y, z) __builtin_elementwise_fma(x, y, z)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define NAME(x) x##_avx2
#include "backward_body.h"
#undef NAME
#pragma clang attribute pop
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma"))), apply_to = function)
#define NAME(x) x##_avx512
#include "backward_body.h"
#undef NAME
#pragma clang attribute pop
#undef FMA

static int level(void) {
  static int known = -1;
  int value = __atomic_load_n(&known, __ATOMIC_RELAXED);
  if (value < 0) {
    value = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
                && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")
            ? 2
            : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 1 : 0;
    __atomic_store_n(&known, value, __ATOMIC_RELAXED);
  }
  return value;
}
#else
static int level(void) { return 0; }
#define backward_avx2 backward_portable
#define backward_avx512 backward_portable
#define concretise_avx2 concretise_portable
#define concretise_avx512 concretise_portable
#endif

void cproof_backward(
    const cproof_network *n, int64_t from, int64_t to, double *coefficients, double *constant, double *size,
    double *error) {
  switch (level()) {
    case 2: backward_avx512(n, from, to, coefficients, constant, size, error); break;
    case 1: backward_avx2(n, from, to, coefficients, constant, size, error); break;
    default: backward_portable(n, from, to, coefficients, constant, size, error);
  }
}

void cproof_concretise(
    const double *coefficients, const double *lower, const double *upper, int64_t count, double *sum, double *size) {
  switch (level()) {
    case 2: concretise_avx512(coefficients, lower, upper, count, sum, size); break;
    case 1: concretise_avx2(coefficients, lower, upper, count, sum, size); break;
    default: concretise_portable(coefficients, lower, upper, count, sum, size);
  }
}
