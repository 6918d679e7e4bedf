// Maximum or average over windows: input [N, height, width, channels], output [N, outHeight, outWidth, channels].
//
// Positions outside the image count as minus infinity (maximum) or zero (average); the divisor of the average is the
// number of positions inside the image or, with includePadding, inside the padded image of paddedHeight x paddedWidth.
// A NaN in the window gives NaN. pool_elements: one item an output element. pool_rows: one item a row of outputs of 16
// channels (CPU devices). maximum: 1 or 0.

__kernel void pool_elements(
    const __global stored *input, __global stored *output, ulong count, int height, int width, int channels,
    int outHeight, int outWidth, int rows, int columns, int strideRows, int strideColumns, int dilationRows,
    int dilationColumns, int top, int left, int paddedHeight, int paddedWidth, int maximum, int includePadding) {
  const ulong item = get_global_id(0);
  if (item >= count) return;
  const int c = (int)(item % (ulong)channels);
  ulong pixel = item / (ulong)channels;
  const int x = (int)(pixel % (ulong)outWidth) * strideColumns - left;
  pixel /= (ulong)outWidth;
  const int y = (int)(pixel % (ulong)outHeight) * strideRows - top;
  const ulong n = pixel / (ulong)outHeight;
  float best = -INFINITY, sum = 0.0f;
  int inside = 0, padded = 0;
  for (int r = 0; r < rows; ++r) {
    const int iy = y + r * dilationRows;
    for (int s = 0; s < columns; ++s) {
      const int ix = x + s * dilationColumns;
      padded += iy + top < paddedHeight && ix + left < paddedWidth;
      if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
      ++inside;
      const float v = READ(input, ((n * height + iy) * width + ix) * channels + c);
      best = v > best || v != v ? v : best;
      sum += v;
    }
  }
  WRITE(maximum ? best : sum / (float)(includePadding ? padded : inside), output, item);
}

__kernel void pool_rows(
    const __global float *input, __global float *output, int height, int width, int channels, int outHeight,
    int outWidth, int rows, int columns, int strideRows, int strideColumns, int dilationRows, int dilationColumns,
    int top, int left, int paddedHeight, int paddedWidth, int maximum, int includePadding) {
  const int c = (int)get_global_id(0) * 16;
  const int here = channels - c;
  const ulong row = get_global_id(1);
  const int y = (int)(row % (ulong)outHeight) * strideRows - top;
  const __global float *image = input + row / (ulong)outHeight * height * width * channels + c;
  __global float *to = output + row * outWidth * channels + c;
  for (int ox = 0; ox < outWidth; ++ox) {
    const int x = ox * strideColumns - left;
    float16 best = (float16)(-INFINITY), sum = (float16)(0.0f);
    int inside = 0, padded = 0;
    for (int r = 0; r < rows; ++r) {
      const int iy = y + r * dilationRows;
      for (int s = 0; s < columns; ++s) {
        const int ix = x + s * dilationColumns;
        padded += iy + top < paddedHeight && ix + left < paddedWidth;
        if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
        ++inside;
        const float16 v = load_part(image + ((long)iy * width + ix) * channels, here);
        best = select(best, v, (v > best) | isnan(v));
        sum += v;
      }
    }
    const float divisor = (float)(includePadding ? padded : inside);
    store_part(maximum ? best : sum / divisor, to + (long)ox * channels, here);
  }
}
