// Depthwise convolution for CPU devices (R2): one item computes one row of outputs of 16 channels.
//
// input [N, height, width, channels], filter [rows * columns][channels padded to 16] and bias [channels padded to 16],
// output [N, outHeight, outWidth, channels]; residual may be null or the output's own memory.
// Global size: (channels / 16 rounded up, N * outHeight).

__kernel void depthwise_vector(
    const __global float *restrict input, const __global float *restrict filter, const __global float *restrict bias,
    const __global float *residual, __global float *output, int height, int width, int channels, int outHeight,
    int outWidth, int rows, int columns, int strideRows, int strideColumns, int dilationRows, int dilationColumns,
    int top, int left, float low, float high) {
  const int c = (int)get_global_id(0) * 16;
  const int here = channels - c;
  const int padded = (int)get_global_size(0) * 16;
  const long line = (long)get_global_id(1);
  const int y = (int)(line % outHeight) * strideRows - top;
  const __global float *image = input + line / outHeight * height * width * channels + c;
  const long to = line * outWidth * channels + c;
  const float16 base = vload16(0, bias + c);
  for (int ox = 0; ox < outWidth; ++ox) {
    const int x = ox * strideColumns - left;
    float16 sum = (float16)(0.0f);
    for (int r = 0; r < rows; ++r) {
      const int iy = y + r * dilationRows;
      if ((uint)iy >= (uint)height) continue;
      const __global float *w = filter + (long)r * columns * padded + c;
      const __global float *from = image + (long)iy * width * channels;
      for (int s = 0; s < columns; ++s) {
        const int ix = x + s * dilationColumns;
        if ((uint)ix < (uint)width)
          sum = fma(load_part(from + (long)ix * channels, here), vload16(0, w + (long)s * padded), sum);
      }
    }
    sum += base;
    if (residual) sum += load_part(residual + to + (long)ox * channels, here);
    store_part(activate16(sum, low, high), output + to + (long)ox * channels, here);
  }
}
