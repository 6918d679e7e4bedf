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
// LANES (compile time): binary32 lanes of a register. With 16 an item keeps its 8 x 32 or 16 x 16 sums in 16 registers
// of 32; with 8 it computes blocks of 8 x 8 one after the other, 8 registers of 16. The bits are the same.
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

#if LANES == 16

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

#else

float8 load_part8(const __global float *from, int count) {
  if (count >= 8) return vload8(0, from);
  float lanes[8];
  for (int lane = 0; lane < 8; ++lane) lanes[lane] = lane < count ? from[lane] : 0.0f;
  return vload8(0, lanes);
}

void store_part8(float8 x, __global float *to, int count) {
  if (count >= 8) {
    vstore8(x, 0, to);
    return;
  }
  float lanes[8];
  vstore8(x, 0, lanes);
  for (int lane = 0; lane < count; ++lane) to[lane] = lanes[lane];
}

#define ZERO8(i) float8 a##i = (float8)(0.0f);
#define STEP8(i) a##i = fma((float8)(from##i[k]), w0, a##i);
#define FINISH8(i)                                                                                                    \
  if (first + i < pixels) {                                                                                           \
    const long to = (first + i) * across + group * outputs + column;                                                  \
    float8 sum = a##i + vload8(0, bias);                                                                              \
    if (residual) sum += load_part8(residual + to, outputs - column);                                                 \
    sum = select(sum, (float8)(low), sum < (float8)(low));                                                            \
    sum = select(sum, (float8)(high), sum > (float8)(high));                                                          \
    store_part8(sum, output + to, outputs - column);                                                                  \
  }

// Eight pixels of eight outputs; w steps through a panel that is `panelWidth` floats wide.
void block8(KERNEL_ARGUMENTS, long first, int group, int column, long across, const __global float *w, int panelWidth) {
  bool whole = true;
  EIGHT(LOCATE)
  EIGHT(ZERO8)
  EACH_RUN
    EIGHT(POINT)
    for (int k = 0; k < length; ++k, w += panelWidth) {
      const float8 w0 = vload8(0, w);
      EIGHT(STEP8)
    }
  NEXT_RUN
  EIGHT(FINISH8)
}

#define BLOCKS(ITEM_ROWS, PANEL)                                                                                      \
  const int group = (int)get_global_id(2);                                                                            \
  const long panel = (long)group * get_global_size(1) + get_global_id(1);                                             \
  const __global float *w = filter + panel * ((long)rows * columns * channels) * PANEL;                               \
  for (int column = 0; column < PANEL; column += 8)                                                                   \
    for (int row = 0; row < ITEM_ROWS; row += 8) {                                                                    \
      const int start = (int)get_global_id(1) * PANEL + column;                                                       \
      const long first = (long)get_global_id(0) * ITEM_ROWS + row;                                                    \
      if (start < outputs && first < pixels)                                                                          \
        block8(                                                                                                       \
            input, filter, bias + panel * PANEL + column, residual, zeros, output, pixels, height, width, channels,   \
            pitch, outHeight, outWidth, outputs, rows, columns, strideRows, strideColumns, dilationRows,              \
            dilationColumns, top, left, mergeable, low, high, first, group, start,                                    \
            (long)outputs * get_global_size(2), w + column, PANEL);                                                   \
    }

__kernel void convolve_vector32(KERNEL_ARGUMENTS) { BLOCKS(8, 32) }

__kernel void convolve_vector16(KERNEL_ARGUMENTS) { BLOCKS(16, 16) }

#endif
