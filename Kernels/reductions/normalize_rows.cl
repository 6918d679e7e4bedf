// (x - mean) / sqrt(variance + epsilon) * scale + shift for each row of [rows, columns]; scale and shift may be null.
//
// The variance is the mean of squared deviations, computed in a second pass. normalize_elements: one item a row.
// normalize_rows: one item a row, 16 lanes at a time (CPU devices). normalize_group: one work-group of 64 a row.

__kernel void normalize_elements(
    const __global stored *input, const __global float *scale, const __global float *shift, __global stored *output,
    ulong rows, int columns, float epsilon) {
  const ulong row = get_global_id(0);
  if (row >= rows) return;
  const __global stored *from = input + row * columns;
  float sum = 0.0f;
  for (int c = 0; c < columns; ++c) sum += READ(from, c);
  const float mean = sum / (float)columns;
  float squares = 0.0f;
  for (int c = 0; c < columns; ++c) squares = fma(READ(from, c) - mean, READ(from, c) - mean, squares);
  const float deviation = sqrt(squares / (float)columns + epsilon);
  for (int c = 0; c < columns; ++c) {
    float y = (READ(from, c) - mean) / deviation;
    if (scale) y *= scale[c];
    if (shift) y += shift[c];
    WRITE(y, output, row * columns + c);
  }
}

float add_lanes(float16 x) {
  float lanes[16];
  vstore16(x, 0, lanes);
  float sum = 0.0f;
  for (int lane = 0; lane < 16; ++lane) sum += lanes[lane];
  return sum;
}

__kernel void normalize_rows(
    const __global float *input, const __global float *scale, const __global float *shift, __global float *output,
    int columns, float epsilon) {
  const __global float *from = input + get_global_id(0) * columns;
  __global float *to = output + get_global_id(0) * columns;
  float16 sums = (float16)(0.0f);
  int c = 0;
  for (; c + 16 <= columns; c += 16) sums += vload16(0, from + c);
  float sum = add_lanes(sums);
  for (; c < columns; ++c) sum += from[c];
  const float mean = sum / (float)columns;
  sums = (float16)(0.0f);
  for (c = 0; c + 16 <= columns; c += 16) {
    const float16 d = vload16(0, from + c) - mean;
    sums += d * d;
  }
  float squares = add_lanes(sums);
  for (; c < columns; ++c) squares = fma(from[c] - mean, from[c] - mean, squares);
  const float deviation = sqrt(squares / (float)columns + epsilon);
  for (c = 0; c < columns; c += 16) {
    const int here = columns - c;
    float16 y = (load_part(from + c, here) - mean) / deviation;
    if (scale) y *= load_part(scale + c, here);
    if (shift) y += load_part(shift + c, here);
    store_part(y, to + c, here);
  }
}

__kernel __attribute__((reqd_work_group_size(64, 1, 1))) void normalize_group(
    const __global float *input, const __global float *scale, const __global float *shift, __global float *output,
    int columns, float epsilon) {
  __local float part[64];
  const int t = (int)get_local_id(0);
  const __global float *from = input + get_group_id(0) * columns;
  __global float *to = output + get_group_id(0) * columns;
  float sum = 0.0f;
  for (int c = t; c < columns; c += 64) sum += from[c];
  part[t] = sum;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int s = 32; s > 0; s >>= 1) {
    if (t < s) part[t] += part[t + s];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const float mean = part[0] / (float)columns;
  barrier(CLK_LOCAL_MEM_FENCE);
  float squares = 0.0f;
  for (int c = t; c < columns; c += 64) squares = fma(from[c] - mean, from[c] - mean, squares);
  part[t] = squares;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int s = 32; s > 0; s >>= 1) {
    if (t < s) part[t] += part[t + s];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const float deviation = sqrt(part[0] / (float)columns + epsilon);
  for (int c = t; c < columns; c += 64) {
    float y = (from[c] - mean) / deviation;
    if (scale) y *= scale[c];
    if (shift) y += shift[c];
    to[c] = y;
  }
}
