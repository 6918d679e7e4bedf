// The lowest index of the largest number of each row of [rows, classes], or -1 if any is NaN.
//
// arg_max_rows: one item a row. arg_max_group: one work-group of 64 a row.

__kernel void arg_max_rows(const __global stored *logits, __global int *output, ulong rows, int classes) {
  const ulong row = get_global_id(0);
  if (row >= rows) return;
  const __global stored *from = logits + row * classes;
  float best = READ(from, 0);
  int index = 0, invalid = best != best;
  for (int c = 1; c < classes; ++c) {
    const float v = READ(from, c);
    invalid |= v != v;
    if (v > best) {
      best = v;
      index = c;
    }
  }
  output[row] = invalid ? -1 : index;
}

__kernel __attribute__((reqd_work_group_size(64, 1, 1))) void arg_max_group(
    const __global float *logits, __global int *output, int classes) {
  __local float bests[64];
  __local int indices[64];
  const int t = (int)get_local_id(0);
  const __global float *from = logits + get_group_id(0) * classes;
  float best = -INFINITY;
  int index = 0x7fffffff, invalid = 0;
  for (int c = t; c < classes; c += 64) {
    const float v = from[c];
    invalid |= v != v;
    if (v > best || index == 0x7fffffff) {
      best = v;
      index = c;
    }
  }
  bests[t] = best;
  indices[t] = invalid ? -1 : index;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int s = 32; s > 0; s >>= 1) {
    if (t < s) {
      const float other = bests[t + s];
      const int j = indices[t + s];
      const int own = indices[t];
      const bool takes = other > bests[t] || (other == bests[t] && j < own);
      const bool stays = own < 0 || j == 0x7fffffff;
      indices[t] = j < 0 ? -1 : (takes && !stays ? j : own);
      bests[t] = takes && !stays ? other : bests[t];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (t == 0) output[get_group_id(0)] = indices[0];
}
