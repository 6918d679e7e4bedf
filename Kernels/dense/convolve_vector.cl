// Convolution for CPU devices (R2): explicit vectors, no local memory, no barrier. Also matrix products with a constant
// right operand, as 1 x 1 convolutions of one row of pixels.
//
// One item computes 8 neighbouring output pixels of 32 output channels (convolve_vector32), or 16 pixels of 16
// (convolve_vector16), in fma chains over k in the order row, column, channel, so that an output's bits depend on
// nothing but its own window. A window wholly inside the image's columns is read as `rows` runs of columns * channels
// floats, else as rows * columns runs of channels; rows and pixels outside the image read `zeros` instead.
//
// input [.., height, width, pitch]; filter [groups][blocks][k][32 or 16] and bias [groups][blocks * 32 or 16], padded
// with zeros; residual and output [pixels][groups * outputs]; residual may be the output's own memory.
// zeros: columns * channels floats. mergeable: 1 if runs may cover whole filter rows (one group, no dilation).
// Global size: (pixels / 8 or 16 rounded up, blocks, groups).

#define KERNEL_ARGUMENTS                                                                                              \
  const __global float *restrict input, const __global float *restrict filter, const __global float *restrict bias,  \
      const __global float *residual, const __global float *restrict zeros, __global float *output, long pixels,     \
      int height, int width, int channels, int pitch, int outHeight, int outWidth, int outputs, int rows,            \
      int columns, int strideRows, int strideColumns, int dilationRows, int dilationColumns, int top, int left,      \
      int mergeable, float low, float high

#define EIGHT(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7)
#define SIXTEEN(F) EIGHT(F) F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15)

// Where each pixel of the item's tile starts.
#define LOCATE(i)                                                                                                     \
  long base##i;                                                                                                       \
  int y##i, x##i;                                                                                                     \
  {                                                                                                                   \
    const long pixel = min(first + i, pixels - 1);                                                                    \
    const long line = pixel / outWidth;                                                                               \
    x##i = (int)(pixel - line * outWidth) * strideColumns - left;                                                     \
    y##i = (int)(line % outHeight) * strideRows - top;                                                                \
    base##i = ((line / outHeight * height + y##i) * width + x##i) * pitch + group * channels;                         \
    whole = whole && x##i >= 0 && x##i + columns <= width;                                                            \
  }
#define POINT(i)                                                                                                      \
  const __global float *from##i =                                                                                     \
      (uint)(y##i + dy) < (uint)height && (uint)(x##i + dx) < (uint)width ? input + base##i + offset : zeros;

#define FINISH(i, part, at)                                                                                           \
  if (first + i < pixels) {                                                                                           \
    const long to = (first + i) * across + group * outputs + start + at;                                              \
    const int here = outputs - start - at;                                                                            \
    if (here > 0) {                                                                                                   \
      float16 sum = part + vload16(0, bias + at);                                                                     \
      if (residual) sum += load_part(residual + to, here);                                                            \
      store_part(activate16(sum, low, high), output + to, here);                                                      \
    }                                                                                                                 \
  }

// The loop over runs: between the two, `length`, dy, dx and offset describe the present one.
#define EACH_RUN                                                                                                      \
  const bool merged = mergeable && whole;                                                                             \
  const int runs = merged ? rows : rows * columns;                                                                    \
  const int length = merged ? columns * channels : channels;                                                          \
  int r = 0, s = 0;                                                                                                   \
  for (int run = 0; run < runs; ++run) {                                                                              \
    const int dy = r * dilationRows, dx = s * dilationColumns;                                                        \
    const long offset = ((long)dy * width + dx) * pitch;
#define NEXT_RUN                                                                                                      \
    if (merged || ++s == columns) {                                                                                   \
      s = 0;                                                                                                          \
      ++r;                                                                                                            \
    }                                                                                                                 \
  }

#define ZERO2(i) float16 a##i = (float16)(0.0f), b##i = (float16)(0.0f);
#define STEP2(i)                                                                                                      \
  {                                                                                                                   \
    const float16 x = (float16)(from##i[k]);                                                                          \
    a##i = fma(x, w0, a##i);                                                                                          \
    b##i = fma(x, w1, b##i);                                                                                          \
  }
#define FINISH2(i) FINISH(i, a##i, 0) FINISH(i, b##i, 16)

__kernel void convolve_vector32(KERNEL_ARGUMENTS) {
  const long first = (long)get_global_id(0) * 8;
  const int start = (int)get_global_id(1) * 32;
  const int group = (int)get_global_id(2);
  const long panel = (long)group * get_global_size(1) + get_global_id(1);
  const long across = (long)outputs * get_global_size(2);
  bool whole = true;
  EIGHT(LOCATE)
  EIGHT(ZERO2)
  const __global float *w = filter + panel * ((long)rows * columns * channels) * 32;
  bias += panel * 32;
  EACH_RUN
    EIGHT(POINT)
    for (int k = 0; k < length; ++k, w += 32) {
      const float16 w0 = vload16(0, w), w1 = vload16(1, w);
      EIGHT(STEP2)
    }
  NEXT_RUN
  EIGHT(FINISH2)
}

#define ZERO1(i) float16 a##i = (float16)(0.0f);
#define STEP1(i) a##i = fma((float16)(from##i[k]), w0, a##i);
#define FINISH1(i) FINISH(i, a##i, 0)

__kernel void convolve_vector16(KERNEL_ARGUMENTS) {
  const long first = (long)get_global_id(0) * 16;
  const int start = (int)get_global_id(1) * 16;
  const int group = (int)get_global_id(2);
  const long panel = (long)group * get_global_size(1) + get_global_id(1);
  const long across = (long)outputs * get_global_size(2);
  bool whole = true;
  SIXTEEN(LOCATE)
  SIXTEEN(ZERO1)
  const __global float *w = filter + panel * ((long)rows * columns * channels) * 16;
  bias += panel * 16;
  EACH_RUN
    SIXTEEN(POINT)
    for (int k = 0; k < length; ++k, w += 16) {
      const float16 w0 = vload16(0, w);
      SIXTEEN(STEP1)
    }
  NEXT_RUN
  SIXTEEN(FINISH1)
}
