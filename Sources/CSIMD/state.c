// The floating-point state around library calls: see Convolve+oneDNN.swift for why denormals are flushed there.
#include "csimd.h"

#if defined(__x86_64__)
#include <xmmintrin.h>

uint32_t csimd_flush_denormals(void) {
  uint32_t before = _mm_getcsr();
  _mm_setcsr((before | 0x8040) & ~0x3fu);
  return before;
}

void csimd_restore(uint32_t state) { _mm_setcsr(state); }
#else
uint32_t csimd_flush_denormals(void) { return 0; }
void csimd_restore(uint32_t state) { (void)state; }
#endif
