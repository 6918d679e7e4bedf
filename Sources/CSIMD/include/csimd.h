// The few CPU inner loops that need intrinsics: one function per instruction set, chosen at run time.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// MXCSR with denormals read and written as zero; returns the previous state for csimd_restore.
uint32_t csimd_flush_denormals(void);
/// Restores the state that csimd_flush_denormals returned.
void csimd_restore(uint32_t state);
