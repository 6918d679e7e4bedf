// Batched matrix product of two computed operands for CPU devices (R2): explicit vectors, no local memory.
//
// One item computes 8 rows of 16 columns of one output matrix. left [k] steps by leftStep, rows by leftRow; right rows
// are contiguous (rightRow floats apart). geometry as in matrix_direct.cl; fma chains in the order of k.
// Global size: (m / 8 rounded up, n / 16 rounded up, batch).

#define EIGHT(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7)
#define ROW(i)                                                                                                        \
  const __global float *from##i = left + min(first + i, m - 1) * leftRow;                                             \
  float16 sum##i = (float16)(0.0f);
#define STEP(i) sum##i = fma((float16)(from##i[q * leftStep]), w, sum##i);
#define FINISH(i)                                                                                                     \
  if (first + i < m) {                                                                                                \
    const long to = (batch * m + first + i) * n + j;                                                                  \
    float16 x = sum##i;                                                                                               \
    if (bias) x += load_part(bias + j, here);                                                                         \
    if (residual) x += load_part(residual + to, here);                                                                \
    store_part(activate16(x, low, high), output + to, here);                                                          \
  }

__kernel void matrix_vector(
    const __global float *left, const __global float *right, const __global float *bias, const __global float *residual,
    __global float *output, const __global long *geometry, long m, long n, long k, long leftRow, long leftStep,
    long rightRow, float low, float high) {
  const long first = (long)get_global_id(0) * 8;
  const long j = (long)get_global_id(1) * 16;
  const long batch = (long)get_global_id(2);
  const int here = (int)min(n - j, (long)16);
  const int dimensions = (int)geometry[0];
  long rest = batch;
  for (int d = dimensions; d >= 1; --d) {
    const long index = rest % geometry[d];
    rest /= geometry[d];
    left += index * geometry[dimensions + d];
    right += index * geometry[2 * dimensions + d];
  }
  right += j;
  EIGHT(ROW)
  if (here == 16) {
    for (long q = 0; q < k; ++q) {
      const float16 w = vload16(0, right + q * rightRow);
      EIGHT(STEP)
    }
  } else {
    for (long q = 0; q < k; ++q) {
      const float16 w = load_part(right + q * rightRow, here);
      EIGHT(STEP)
    }
  }
  EIGHT(FINISH)
}
