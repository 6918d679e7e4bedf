// output[i] = number.

__kernel void fill(__global stored *output, ulong count, float number) {
  const ulong item = get_global_id(0);
  if (item < count) WRITE(number, output, item);
}
