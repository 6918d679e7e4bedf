// What the element loops share.
#pragma once

// Compiled for three instruction sets and chosen when the program is loaded.
#if defined(__x86_64__)
#define VECTORS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VECTORS
#endif
#define INLINE static inline __attribute__((always_inline))
