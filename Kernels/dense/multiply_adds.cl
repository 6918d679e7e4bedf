// sums[i] = starts[i] + rounds * factor^2, by that many fused multiply-adds one after the other: the device's peak.
//
// Arguments: starts and sums [items * SUMS * LANES]; rounds; factor, which only the host knows, so that no compiler works
// the sums out. LANES (compile time): the binary32 lanes of a register; 1 on a GPU. Each item keeps SUMS registers, enough
// to hide the latency of an instruction. Global size: the items.

#define SUMS 12
#if LANES == 16
typedef float16 numbers;
#define LOAD(from) vload16(0, from)
#define STORE(x, to) vstore16(x, 0, to)
#elif LANES == 8
typedef float8 numbers;
#define LOAD(from) vload8(0, from)
#define STORE(x, to) vstore8(x, 0, to)
#else
typedef float numbers;
#define LOAD(from) *(from)
#define STORE(x, to) *(to) = x
#endif

#define EACH(STEP) STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7) STEP(8) STEP(9) STEP(10) STEP(11)
#define LOAD_SUM(i) numbers sum##i = LOAD(starts + first + i * LANES);
#define ADD_PRODUCT(i) sum##i = fma(x, x, sum##i);
#define STORE_SUM(i) STORE(sum##i, sums + first + i * LANES);

__kernel void multiply_adds(const __global float *starts, __global float *sums, int rounds, float factor) {
  const ulong first = get_global_id(0) * (SUMS * LANES);
  const numbers x = (numbers)(factor);
  EACH(LOAD_SUM)
  for (int round = 0; round < rounds; ++round) { EACH(ADD_PRODUCT) }
  EACH(STORE_SUM)
}
