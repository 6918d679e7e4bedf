// The processors of this process; the C library hides the call from other languages behind _GNU_SOURCE.
#define _GNU_SOURCE
#include "csimd.h"

#include <sched.h>

int csimd_processors(void) {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
}
