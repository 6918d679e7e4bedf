// The floating-point state around library calls: see OneDNN+Activation.swift for why it matters there.
#include "csimd.h"

#if defined(__x86_64__)
#include <xmmintrin.h>

uint32_t csimd_flush_denormals(void) {
  uint32_t before = _mm_getcsr();
  _mm_setcsr((before | 0x8040) & ~0x3fu);
  return before;
}

int csimd_restore(uint32_t state) {
  int invalid = _mm_getcsr() & 1;
  _mm_setcsr(state);
  return invalid;
}
#else
uint32_t csimd_flush_denormals(void) { return 0; }

// Without the flag every result has to be taken for suspicious.
int csimd_restore(uint32_t state) {
  (void)state;
  return 1;
}
#endif
