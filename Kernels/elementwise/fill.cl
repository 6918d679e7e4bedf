// output[i] = number.

__kernel void fill(__global float *output, ulong count, float number) {
  const ulong item = get_global_id(0);
  if (item < count) output[item] = number;
}
