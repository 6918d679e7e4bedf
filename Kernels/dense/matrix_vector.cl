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

// The same with a transposed right operand: rows of both are contiguous along k, and sixteen partial sums of each of
// 4 x 4 outputs run over k in steps of 16; they are added lane by lane at the end.
// Global size: (m / 4 rounded up, n / 4 rounded up, batch).

#define FOUR(F) F(0) F(1) F(2) F(3)
#define LEFT_ROW(i) const __global float *x##i = left + min(first + i, m - 1) * leftRow;
#define RIGHT_ROW(j) const __global float *w##j = right + min(column + j, n - 1) * rightColumn;
#define ZERO4(i)                                                                                                      \
  float16 s##i##0 = (float16)(0.0f), s##i##1 = (float16)(0.0f), s##i##2 = (float16)(0.0f), s##i##3 = (float16)(0.0f);
#define DOT4(i)                                                                                                       \
  {                                                                                                                   \
    const float16 x = load_part(x##i + q, here);                                                                      \
    s##i##0 = fma(x, y0, s##i##0);                                                                                    \
    s##i##1 = fma(x, y1, s##i##1);                                                                                    \
    s##i##2 = fma(x, y2, s##i##2);                                                                                    \
    s##i##3 = fma(x, y3, s##i##3);                                                                                    \
  }
#define DOTS                                                                                                          \
  {                                                                                                                   \
    const float16 y0 = load_part(w0 + q, here), y1 = load_part(w1 + q, here);                                         \
    const float16 y2 = load_part(w2 + q, here), y3 = load_part(w3 + q, here);                                         \
    FOUR(DOT4)                                                                                                        \
  }

float sum_lanes(float16 x) {
  const float8 a = x.lo + x.hi;
  const float4 b = a.lo + a.hi;
  const float2 c = b.lo + b.hi;
  return c.x + c.y;
}

void store_one(
    float sum, long i, long j, long m, long n, long batch, const __global float *bias, const __global float *residual,
    __global float *output, float low, float high) {
  if (i >= m || j >= n) return;
  const long to = (batch * m + i) * n + j;
  if (bias) sum += bias[j];
  if (residual) sum += residual[to];
  output[to] = activate(sum, low, high);
}

#define STORE(i, j)                                                                                                   \
  store_one(sum_lanes(s##i##j), first + i, column + j, m, n, batch, bias, residual, output, low, high);
#define STORE4(i) STORE(i, 0) STORE(i, 1) STORE(i, 2) STORE(i, 3)

__kernel void matrix_dots(
    const __global float *left, const __global float *right, const __global float *bias, const __global float *residual,
    __global float *output, const __global long *geometry, long m, long n, long k, long leftRow, long rightColumn,
    float low, float high) {
  const long first = (long)get_global_id(0) * 4;
  const long column = (long)get_global_id(1) * 4;
  const long batch = (long)get_global_id(2);
  const int dimensions = (int)geometry[0];
  long rest = batch;
  for (int d = dimensions; d >= 1; --d) {
    const long index = rest % geometry[d];
    rest /= geometry[d];
    left += index * geometry[dimensions + d];
    right += index * geometry[2 * dimensions + d];
  }
  FOUR(LEFT_ROW)
  FOUR(RIGHT_ROW)
  FOUR(ZERO4)
  long q = 0;
  int here = 16;
  for (; q + 16 <= k; q += 16) DOTS
  here = (int)(k - q);
  if (here > 0) DOTS
  FOUR(STORE4)
}
