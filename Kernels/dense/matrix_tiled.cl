// Batched matrix product of two computed operands in tiles of local memory (R1), for GPUs.
//
// A work-group of 16 x 16 items computes 64 x 64 outputs of one matrix, an item 4 x 4 at rows ty + 16 i and columns
// tx + 16 j; slabs of 16 k values. geometry as in matrix_direct.cl; strides say row-major and transposed alike. Sums
// are fma chains in the order of k. Global size: (n / 64 rounded up * 16, m / 64 rounded up * 16, batch).

#ifdef GPU
#define UNROLL __attribute__((opencl_unroll_hint))
#else
#define UNROLL
#endif

__kernel __attribute__((reqd_work_group_size(16, 16, 1))) void matrix_tiled(
    const __global float *left, const __global float *right, const __global float *bias, const __global float *residual,
    __global float *output, const __global long *geometry, long m, long n, long k, long leftRow, long leftStep,
    long rightStep, long rightColumn, float low, float high) {
  __local float a[16][65], b[16][65];
  const int tx = (int)get_local_id(0), ty = (int)get_local_id(1), t = ty * 16 + tx;
  const long firstRow = (long)get_group_id(1) * 64, firstColumn = (long)get_group_id(0) * 64;
  const long batch = (long)get_group_id(2);
  const int dimensions = (int)geometry[0];
  long rest = batch;
  for (int d = dimensions; d >= 1; --d) {
    const long index = rest % geometry[d];
    rest /= geometry[d];
    left += index * geometry[dimensions + d];
    right += index * geometry[2 * dimensions + d];
  }
  // Neighbouring items read neighbouring addresses: along k where that is contiguous, else along rows or columns.
  const bool leftAlongK = leftStep == 1, rightAlongK = rightStep == 1 && rightColumn != 1;
  float sum[4][4];
  UNROLL
  for (int i = 0; i < 4; ++i) {
    UNROLL
    for (int j = 0; j < 4; ++j) sum[i][j] = 0.0f;
  }
  for (long q0 = 0; q0 < k; q0 += 16) {
    for (int e = t; e < 1024; e += 256) {
      const int leftQ = leftAlongK ? e & 15 : e >> 6, leftI = leftAlongK ? e >> 4 : e & 63;
      const long i = firstRow + leftI, lq = q0 + leftQ;
      a[leftQ][leftI] = i < m && lq < k ? left[i * leftRow + lq * leftStep] : 0.0f;
      const int rightQ = rightAlongK ? e & 15 : e >> 6, rightJ = rightAlongK ? e >> 4 : e & 63;
      const long j = firstColumn + rightJ, rq = q0 + rightQ;
      b[rightQ][rightJ] = j < n && rq < k ? right[rq * rightStep + j * rightColumn] : 0.0f;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int q = 0; q < 16; ++q) {
      float x[4], w[4];
      UNROLL
      for (int i = 0; i < 4; ++i) x[i] = a[q][ty + 16 * i];
      UNROLL
      for (int j = 0; j < 4; ++j) w[j] = b[q][tx + 16 * j];
      UNROLL
      for (int i = 0; i < 4; ++i) {
        UNROLL
        for (int j = 0; j < 4; ++j) sum[i][j] = fma(x[i], w[j], sum[i][j]);
      }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      const long row = firstRow + ty + 16 * i, column = firstColumn + tx + 16 * j;
      if (row < m && column < n) {
        const long to = (batch * m + row) * n + column;
        float v = sum[i][j];
        if (bias) v += bias[column];
        if (residual) v += residual[to];
        output[to] = activate(v, low, high);
      }
    }
  }
}
