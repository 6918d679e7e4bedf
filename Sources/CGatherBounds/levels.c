// Which instruction set serves: the best that the processor has, or a lower one that a test asks for.
#include "levels.h"

int cgather_level(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    return 2;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 1;
#endif
  return 0;
}

const cgather_loops *cgather_find(int is_wide, int level) {
  const int there = cgather_level();
  if (level > there) level = there;
  if (level == 2) return cgather_avx512(is_wide);
  return level == 1 ? cgather_avx2(is_wide) : cgather_portable(is_wide);
}
