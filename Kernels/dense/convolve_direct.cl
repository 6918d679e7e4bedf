// Direct convolution (R0): one item computes one output element, in the order row, column, channel.
//
// input [N, height, width, channels], filter [outputs, rows, columns, channels / groups], bias [outputs] or null,
// residual and output [N, outHeight, outWidth, outputs]; count = elements of the output.

__kernel void convolve_direct(
    const __global stored *input, const __global float *filter, const __global float *bias,
    const __global stored *residual, __global stored *output, ulong count, int height, int width, int channels,
    int outHeight, int outWidth, int outputs, int rows, int columns, int strideRows, int strideColumns,
    int dilationRows, int dilationColumns, int top, int left, int groups, float low, float high) {
  const ulong item = get_global_id(0);
  if (item >= count) return;
  const int o = (int)(item % (ulong)outputs);
  ulong pixel = item / (ulong)outputs;
  const int x = (int)(pixel % (ulong)outWidth) * strideColumns - left;
  pixel /= (ulong)outWidth;
  const int y = (int)(pixel % (ulong)outHeight) * strideRows - top;
  const ulong n = pixel / (ulong)outHeight;
  const int own = channels / groups;
  const int first = o / (outputs / groups) * own;
  float sum = 0.0f;
  for (int r = 0; r < rows; ++r) {
    const int iy = y + r * dilationRows;
    if (iy < 0 || iy >= height) continue;
    for (int s = 0; s < columns; ++s) {
      const int ix = x + s * dilationColumns;
      if (ix < 0 || ix >= width) continue;
      const __global stored *from = input + ((n * height + iy) * width + ix) * channels + first;
      const __global float *weight = filter + (((ulong)o * rows + r) * columns + s) * own;
      for (int c = 0; c < own; ++c) sum = fma(READ(from, c), weight[c], sum);
    }
  }
  if (bias) sum += bias[o];
  if (residual) sum += READ(residual, item);
  WRITE(activate(sum, low, high), output, item);
}
