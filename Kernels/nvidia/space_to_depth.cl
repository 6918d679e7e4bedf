// Images with few channels, rearranged so that a row of a convolution's window is 64 contiguous numbers.
//
// to[n, i, j, (dy STRIDE_COLUMNS + dx) PITCH + c] = from[n, i STRIDE_ROWS + dy - top, j STRIDE_COLUMNS + dx - left, c]
// for dy < STRIDE_ROWS, dx < STRIDE_COLUMNS, c < CHANNELS, and zero elsewhere, also outside the image. A window that
// starts at output pixel (y, x) then is rows y, y + 1, ... of `to`, from pixel x on (DenseConvolution+Blocks.swift).
//
// Compile time: STORED, CHANNELS, PITCH, STRIDE_ROWS, STRIDE_COLUMNS, BLOCK (8, 16, 32 or 64); PLANAR 1: blocks
// of 16 in the order to[n, i, dy, j, dx PITCH + c] with PITCH 4, for nvidia/convolve_pool.cl.
// from [N, height, width, CHANNELS]; to [N, rows, columns, BLOCK]. One item for eight numbers of `to`.

__kernel void space_to_depth(
    const __global stored *from, __global stored *to, ulong items, int height, int width, int rows, int columns,
    int top, int left) {
  const ulong item = get_global_id(0);
  if (item >= items) return;
#if PLANAR
  const int part = (int)(item / columns % 2);
  const ulong pixel = item / columns / 2 * columns + item % columns;
#else
  const int part = (int)(item % (BLOCK / 8));
  const ulong pixel = item / (BLOCK / 8);
#endif
  const int j = (int)(pixel % columns), i = (int)(pixel / columns % rows), n = (int)(pixel / columns / rows);
  stored found[8];
  for (int e = 0; e < 8; ++e) {
    const int place = part * 8 + e, c = place % PITCH, dx = place / PITCH % STRIDE_COLUMNS;
    const int dy = place / PITCH / STRIDE_COLUMNS;
    const int y = i * STRIDE_ROWS + dy - top, x = j * STRIDE_COLUMNS + dx - left;
    const bool inside = c < CHANNELS && dy < STRIDE_ROWS && (uint)y < (uint)height && (uint)x < (uint)width;
    found[e] = inside ? from[(((long)n * height + y) * width + x) * CHANNELS + c] : (stored)0;
  }
  vstore8(vload8(0, found), item, to);
}
