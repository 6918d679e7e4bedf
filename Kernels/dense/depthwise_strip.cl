// Depthwise convolution for GPUs (R1): one item computes 4 channels of STRIP output rows in one column.
//
// EXTENT, STRIDE, STRIP (compile time): rows and columns of the filter, its stride, output rows an item.
// input [N, height, width, channels], filter [EXTENT * EXTENT][channels], bias [channels]; channels a multiple of 4;
// residual may be null or the output's own memory.

__kernel void depthwise_strip(
    const __global float *restrict input, const __global float *restrict filter, const __global float *restrict bias,
    const __global float *residual, __global float *output, ulong items, int height, int width, int channels,
    int outHeight, int outWidth, int top, int left, float low, float high) {
  if (get_global_id(0) >= items) return;
  ulong item = get_global_id(0);
  const int quads = channels / 4;
  const int strips = (outHeight + STRIP - 1) / STRIP;
  const int c = (int)(item % (ulong)quads) * 4;
  item /= (ulong)quads;
  const int ox = (int)(item % (ulong)outWidth);
  item /= (ulong)outWidth;
  const int oy = (int)(item % (ulong)strips) * STRIP;
  const ulong n = item / (ulong)strips;
  const __global float *image = input + n * height * width * channels + c;
  float4 sum[STRIP];
  for (int i = 0; i < STRIP; ++i) sum[i] = (float4)(0.0f);
  for (int s = 0; s < EXTENT; ++s) {
    const int x = ox * STRIDE - left + s;
    float4 column[(STRIP - 1) * STRIDE + EXTENT];
    for (int r = 0; r < (STRIP - 1) * STRIDE + EXTENT; ++r) {
      const int y = oy * STRIDE - top + r;
      column[r] = (uint)y < (uint)height && (uint)x < (uint)width
                      ? vload4(0, image + ((long)y * width + x) * channels)
                      : (float4)(0.0f);
    }
    for (int r = 0; r < EXTENT; ++r) {
      const float4 w = vload4(0, filter + (r * EXTENT + s) * channels + c);
      for (int i = 0; i < STRIP; ++i) sum[i] = fma(column[i * STRIDE + r], w, sum[i]);
    }
  }
  const float4 base = vload4(0, bias + c);
  for (int i = 0; i < STRIP; ++i) {
    if (oy + i < outHeight) {
      const ulong to = ((n * outHeight + oy + i) * outWidth + ox) * channels + c;
      float4 v = sum[i] + base;
      if (residual) v += vload4(0, residual + to);
      v = select(v, (float4)(low), v < (float4)(low));
      v = select(v, (float4)(high), v > (float4)(high));
      vstore4(v, 0, output + to);
    }
  }
}
