// The few CPU inner loops that need intrinsics: one function per instruction set, chosen at run time.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Reads and writes denormals as zero and clears the exception flags; returns the previous state for csimd_restore.
uint32_t csimd_flush_denormals(void);
/// Restores the state that csimd_flush_denormals returned; returns 1 if an invalid operation (a NaN made, or handed to
/// a minimum or maximum) happened on this thread in between.
int csimd_restore(uint32_t state);

/// bfloat16 patterns to binary32, and back with one rounding to nearest even.
void csimd_widen_bfloat16(const uint16_t *x, float *y, size_t count);
void csimd_narrow_bfloat16(const float *x, uint16_t *y, size_t count);
/// x < low ? low : x > high ? high : x for every element, in place; NaN stays NaN.
void csimd_clip(float *x, size_t count, float low, float high);
void csimd_clip_bfloat16(uint16_t *x, size_t count, float low, float high);

/// The number of processors that the calling thread may run on, or 0 if the system does not say.
int csimd_processors(void);
