// The vector type and what all loops share. A vector of eight numbers is one register with AVX-512, two with AVX2.
#pragma once
#include <stddef.h>
#include <string.h>

#include "cbound_propagation.h"

#pragma STDC FP_CONTRACT ON

#if defined(__x86_64__)
#define VECTORS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VECTORS
#endif
#define INLINE static inline __attribute__((always_inline))

typedef double vd __attribute__((vector_size(64), aligned(8)));
typedef int64_t vi __attribute__((vector_size(64), aligned(8)));

#define LOAD(p) (*(const vd *)(p))
#define STORE(p, x) (*(vd *)(p) = (x))
#define SELECT(mask, x, y) ((vd)(((mask) & (vi)(x)) | (~(mask) & (vi)(y))))
#define ABSOLUTE(x) ((vd)((vi)(x) & INT64_MAX))
#define SPLAT(x) ((x) - (vd){0})
// Entry i of a table with one number for all lanes, or one for each of `stride` parts that the lanes repeat.
#define ENTRY(table, i, stride, k) \
  ((stride) > 1 ? LOAD((table) + (i) * (stride) + ((k) & ((stride)-1))) : SPLAT((table)[i]))
#define ANY(mask) (mask[0] | mask[1] | mask[2] | mask[3] | mask[4] | mask[5] | mask[6] | mask[7])
