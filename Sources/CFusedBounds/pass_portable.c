// The pass in plain C.
#pragma clang diagnostic ignored "-Wpsabi"
#define LANES 4
#define NAMED(x) x##_portable
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#define WIDE_TILE 3
#define WIDE_TILE_ROWS 4
#include "pass.h"
