// What the loops share. Nothing here proves anything, so products and sums may be contracted.
#pragma once

// Compiled for three instruction sets and chosen when the program is loaded.
#if defined(__x86_64__)
#define VECTORS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VECTORS
#endif
#define INLINE static inline __attribute__((always_inline))

#pragma STDC FP_CONTRACT ON

// Sixteen lanes, at any address of a float.
typedef float vector __attribute__((vector_size(64), aligned(4)));
