// Sum, mean, maximum or minimum along the middle of [outer, length, inner]; output [outer, inner].
//
// operation: 0 sum, 1 mean, 2 maximum, 3 minimum (a NaN gives NaN). reduce_elements: one item an output element.
// reduce_vector: one item 16 neighbours of `inner`. reduce_group: one work-group of 64 an output element, inner = 1.

float merge(float x, float v, int operation) {
  if (operation < 2) return x + v;
  const bool takes = operation == 2 ? v > x : v < x;
  return takes || v != v ? v : x;
}

float start(int operation) { return operation < 2 ? 0.0f : operation == 2 ? -INFINITY : INFINITY; }

__kernel void reduce_elements(
    const __global stored *input, __global stored *output, ulong count, ulong length, ulong inner, int operation) {
  const ulong item = get_global_id(0);
  if (item >= count) return;
  const __global stored *from = input + item / inner * length * inner + item % inner;
  float x = start(operation);
  for (ulong i = 0; i < length; ++i) x = merge(x, READ(from, i * inner), operation);
  WRITE(operation == 1 ? x / (float)length : x, output, item);
}

__kernel void reduce_vector(
    const __global float *input, __global float *output, ulong length, ulong inner, int operation) {
  const ulong c = get_global_id(0) * 16;
  const ulong o = get_global_id(1);
  const int here = (int)min(inner - c, (ulong)16);
  const __global float *from = input + o * length * inner + c;
  float16 x = (float16)(start(operation));
  for (ulong i = 0; i < length; ++i) {
    const float16 v = load_part(from + i * inner, here);
    if (operation < 2) x += v;
    else if (operation == 2) x = select(x, v, (v > x) | isnan(v));
    else x = select(x, v, (v < x) | isnan(v));
  }
  store_part(operation == 1 ? x / (float)length : x, output + o * inner + c, here);
}

__kernel __attribute__((reqd_work_group_size(64, 1, 1))) void reduce_group(
    const __global float *input, __global float *output, ulong length, int operation) {
  __local float part[64];
  const int t = (int)get_local_id(0);
  const __global float *from = input + get_group_id(0) * length;
  float x = start(operation);
  for (ulong i = t; i < length; i += 64) x = merge(x, from[i], operation);
  part[t] = x;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int s = 32; s > 0; s >>= 1) {
    if (t < s) part[t] = merge(part[t], part[t + s], operation);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (t == 0) output[get_group_id(0)] = operation == 1 ? part[0] / (float)length : part[0];
}
