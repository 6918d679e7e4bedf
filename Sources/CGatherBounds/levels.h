// The loops of each instruction set.
#pragma once

#include "cgather.h"

const cgather_loops *cgather_portable(int is_wide);
const cgather_loops *cgather_avx2(int is_wide);
const cgather_loops *cgather_avx512(int is_wide);
