// Any processor: multiplications and additions rounded one by one.
#include "cgather.h"
#include "levels.h"

#pragma STDC FP_CONTRACT OFF

#define ISA_NAME "portable"

#define REAL float
#define INT int32_t
#define LANES 4
#define TILE 2
#define SUFFIX 32
#define FMA(a, b, c) ((a) * (b) + (c))
#define PACK(m) (((m)[0] & 1) | ((m)[1] & 2) | ((m)[2] & 4) | ((m)[3] & 8))
#define UNPACK(bits) (((M)((INT)(bits)) & (M){1, 2, 4, 8}) != (M)(0))
#include "steps.h"

#define REAL double
#define INT int64_t
#define LANES 2
#define TILE 2
#define SUFFIX 64
#define FMA(a, b, c) ((a) * (b) + (c))
#define PACK(m) (((m)[0] & 1) | ((m)[1] & 2))
#define UNPACK(bits) (((M)((INT)(bits)) & (M){1, 2}) != (M)(0))
#include "steps.h"

const cgather_loops *cgather_portable(int is_wide) { return is_wide ? &loops64 : &loops32; }
