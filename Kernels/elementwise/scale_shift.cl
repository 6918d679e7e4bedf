// output[row, c] = act(input[row, c] * scale[c] + shift[c]); product and sum round once each.
// Input and output may be the same memory. scale_shift_rows: one item a row, 16 channels at a time (CPU devices).

__kernel void scale_shift(
    const __global stored *input, const __global float *scale, const __global float *shift, __global stored *output,
    ulong count, int channels, float low, float high) {
#pragma OPENCL FP_CONTRACT OFF
  const ulong item = get_global_id(0);
  if (item >= count) return;
  const int c = (int)(item % (ulong)channels);
  const float product = READ(input, item) * scale[c];
  WRITE(activate(product + shift[c], low, high), output, item);
}

__kernel void scale_shift_rows(
    const __global float *input, const __global float *scale, const __global float *shift, __global float *output,
    int channels, float low, float high) {
#pragma OPENCL FP_CONTRACT OFF
  const ulong start = get_global_id(0) * (ulong)channels;
  for (int c = 0; c < channels; c += 16) {
    const int here = channels - c;
    const float16 product = load_part(input + start + c, here) * load_part(scale + c, here);
    store_part(activate16(product + load_part(shift + c, here), low, high), output + start + c, here);
  }
}
