// exp(x - max) / sum of exp(x - max) along the middle of [outer, length, inner].
//
// softmax_elements: one item an (outer, inner) pair. softmax_rows: one item a row, 16 lanes at a time, inner = 1 (CPU
// devices). softmax_group: one work-group of 64 a row, inner = 1. A NaN or an infinite maximum makes the row NaN.

__kernel void softmax_elements(
    const __global stored *input, __global stored *output, ulong count, ulong length, ulong inner) {
  const ulong item = get_global_id(0);
  if (item >= count) return;
  const ulong base = item / inner * length * inner + item % inner;
  float top = -INFINITY;
  for (ulong i = 0; i < length; ++i) {
    const float v = READ(input, base + i * inner);
    top = v > top || v != v ? v : top;
  }
  float sum = 0.0f;
  for (ulong i = 0; i < length; ++i) sum += exp(READ(input, base + i * inner) - top);
  for (ulong i = 0; i < length; ++i) WRITE(exp(READ(input, base + i * inner) - top) / sum, output, base + i * inner);
}

__kernel void softmax_rows(const __global float *input, __global float *output, ulong length) {
  const __global float *from = input + get_global_id(0) * length;
  __global float *to = output + get_global_id(0) * length;
  float16 tops = (float16)(-INFINITY);
  ulong i = 0;
  for (; i + 16 <= length; i += 16) {
    const float16 v = vload16(0, from + i);
    tops = select(tops, v, (v > tops) | isnan(v));
  }
  float lanes[16];
  vstore16(tops, 0, lanes);
  float top = -INFINITY;
  for (int lane = 0; lane < 16; ++lane) top = lanes[lane] > top || lanes[lane] != lanes[lane] ? lanes[lane] : top;
  for (; i < length; ++i) top = from[i] > top || from[i] != from[i] ? from[i] : top;
  float16 sums = (float16)(0.0f);
  for (i = 0; i + 16 <= length; i += 16) {
    const float16 e = exp(vload16(0, from + i) - top);
    vstore16(e, 0, to + i);
    sums += e;
  }
  vstore16(sums, 0, lanes);
  float sum = 0.0f;
  for (int lane = 0; lane < 16; ++lane) sum += lanes[lane];
  for (; i < length; ++i) {
    const float e = exp(from[i] - top);
    to[i] = e;
    sum += e;
  }
  for (i = 0; i + 16 <= length; i += 16) vstore16(vload16(0, to + i) / sum, 0, to + i);
  for (; i < length; ++i) to[i] = to[i] / sum;
}

__kernel __attribute__((reqd_work_group_size(64, 1, 1))) void softmax_group(
    const __global float *input, __global float *output, ulong length) {
  __local float part[64];
  const int t = (int)get_local_id(0);
  const __global float *from = input + get_group_id(0) * length;
  __global float *to = output + get_group_id(0) * length;
  float top = -INFINITY;
  for (ulong i = t; i < length; i += 64) top = from[i] > top || from[i] != from[i] ? from[i] : top;
  part[t] = top;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int s = 32; s > 0; s >>= 1) {
    if (t < s) part[t] = part[t + s] > part[t] || part[t + s] != part[t + s] ? part[t + s] : part[t];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  top = part[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  float sum = 0.0f;
  for (ulong i = t; i < length; i += 64) sum += exp(from[i] - top);
  part[t] = sum;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int s = 32; s > 0; s >>= 1) {
    if (t < s) part[t] += part[t + s];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  sum = part[0];
  for (ulong i = t; i < length; i += 64) to[i] = exp(from[i] - top) / sum;
}
