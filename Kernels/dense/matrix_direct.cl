// Batched matrix product (R0): one item computes one output element, in the order of k.
//
// left and right hold matrices at batch offsets given by geometry = [batch dimensions b, extents (b), left strides (b),
// right strides (b)]; rows and columns inside a matrix are found by (leftRow, leftStep) and (rightStep, rightColumn),
// which say row-major and transposed alike. output [batch, m, n] dense; bias [n], residual as output.

__kernel void matrix_direct(
    const __global STORAGE(LEFT) *left, const __global STORAGE(RIGHT) *right, const __global float *bias,
    const __global stored *residual, __global stored *output, const __global long *geometry, ulong count, ulong m, ulong n, ulong k, ulong leftRow,
    ulong leftStep, ulong rightStep, ulong rightColumn, float low, float high) {
  const ulong item = get_global_id(0);
  if (item >= count) return;
  const ulong j = item % n;
  const ulong i = item / n % m;
  long batch = (long)(item / n / m);
  const int dimensions = (int)geometry[0];
  for (int d = dimensions; d >= 1; --d) {
    const long index = batch % geometry[d];
    batch /= geometry[d];
    left += index * geometry[dimensions + d];
    right += index * geometry[2 * dimensions + d];
  }
  left += i * leftRow;
  right += j * rightColumn;
  float sum = 0.0f;
  for (ulong q = 0; q < k; ++q)
    sum = fma(READ_AS(LEFT, left, q * leftStep), READ_AS(RIGHT, right, q * rightStep), sum);
  if (bias) sum += bias[j];
  if (residual) sum += READ(residual, item);
  WRITE(activate(sum, low, high), output, item);
}
