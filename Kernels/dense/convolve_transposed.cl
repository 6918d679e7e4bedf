// Transposed convolution, gathered: one item computes one output element from every input pixel that reaches it.
//
// input [N, height, width, channels], filter [outputs, rows, columns, channels / groups], output [N, outHeight,
// outWidth, outputs]. Output row Y takes tap r of input row y where y * strideRows + r * dilationRows - top = Y.

__kernel void convolve_transposed(
    const __global stored *input, const __global float *filter, const __global float *bias, __global stored *output,
    ulong count, int height, int width, int channels, int outHeight, int outWidth, int outputs, int rows, int columns,
    int strideRows, int strideColumns, int dilationRows, int dilationColumns, int top, int left, int groups, float low,
    float high) {
  const ulong item = get_global_id(0);
  if (item >= count) return;
  const int o = (int)(item % (ulong)outputs);
  ulong pixel = item / (ulong)outputs;
  const int x = (int)(pixel % (ulong)outWidth) + left;
  pixel /= (ulong)outWidth;
  const int y = (int)(pixel % (ulong)outHeight) + top;
  const ulong n = pixel / (ulong)outHeight;
  const int own = channels / groups;
  const int first = o / (outputs / groups) * own;
  float sum = 0.0f;
  for (int r = 0; r < rows; ++r) {
    const int dy = y - r * dilationRows;
    if (dy < 0 || dy % strideRows != 0 || dy / strideRows >= height) continue;
    for (int s = 0; s < columns; ++s) {
      const int dx = x - s * dilationColumns;
      if (dx < 0 || dx % strideColumns != 0 || dx / strideColumns >= width) continue;
      const ulong at = (n * height + dy / strideRows) * width + dx / strideColumns;
      const __global stored *from = input + at * channels + first;
      const __global float *weight = filter + (((ulong)o * rows + r) * columns + s) * own;
      for (int c = 0; c < own; ++c) sum = fma(READ(from, c), weight[c], sum);
    }
  }
  if (bias) sum += bias[o];
  WRITE(activate(sum, low, high), output, item);
}
