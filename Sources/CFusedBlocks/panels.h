// Products of rows of pixels with panels of up to three vectors of outputs: the projection of a block, and convolutions.
#pragma once
#include "tiles.h"

/// A panel over one row of output pixels. `rows` are the input's rows under the window at the first pixel.
typedef struct {
  const char *rows[7];
  int row_count, words;
  /// Bytes from pixel to pixel of the input.
  size_t pitch;
  const char *panel;
  const float *bias;
  float low, high;
  number *output;
  /// NULL, or numbers that stand like the output's; may be the output itself.
  const number *residual;
  /// Numbers from pixel to pixel of the output.
  size_t channels;
  /// The lanes of the last vector that exist.
  __mmask16 last;
} panel_row;

INLINE void panel_tile(const int pixels, const int vectors, const int half, const panel_row *p, int pixel) {
  tile t;
  start(pixels, vectors, half, &t, p->bias);
  for (int r = 0; r < p->row_count; r++) {
    multiply(
        pixels, vectors, half, &t, p->rows[r] + pixel * p->pitch, p->pitch,
        p->panel + (size_t)r * p->words * 64 * vectors, p->words);
  }
  const size_t place = pixel * p->channels;
  finish(
      pixels, vectors, half, &t, p->low, p->high, p->output + place, p->residual ? p->residual + place : 0, p->channels,
      p->last);
}

// Tiles of 14 pixels where the registers hold them, then of 7, then what is left.
#define PANEL(VECTORS, HALF, LONG)                                                        \
  TARGET static void panel_##VECTORS##_##HALF(const panel_row *p, int pixels) {           \
    int m = 0;                                                                            \
    if (LONG) {                                                                           \
      for (; pixels - m >= 14; m += 14) panel_tile(14, VECTORS, HALF, p, m);              \
    }                                                                                     \
    for (; pixels - m >= 7; m += 7) panel_tile(7, VECTORS, HALF, p, m);                   \
    switch (pixels - m) {                                                                 \
      case 1: panel_tile(1, VECTORS, HALF, p, m); break;                                  \
      case 2: panel_tile(2, VECTORS, HALF, p, m); break;                                  \
      case 3: panel_tile(3, VECTORS, HALF, p, m); break;                                  \
      case 4: panel_tile(4, VECTORS, HALF, p, m); break;                                  \
      case 5: panel_tile(5, VECTORS, HALF, p, m); break;                                  \
      case 6: panel_tile(6, VECTORS, HALF, p, m); break;                                  \
    }                                                                                     \
  }
PANEL(1, 0, 1) PANEL(1, 1, 1) PANEL(2, 0, 1) PANEL(2, 1, 1) PANEL(3, 0, 0) PANEL(3, 1, 0)
static void (*const panel_functions[3][2])(const panel_row *, int) = {
    {panel_1_0, panel_1_1}, {panel_2_0, panel_2_1}, {panel_3_0, panel_3_1}};

/// Makes the panel `p` the one that starts at vector `vector` of `outputs` outputs; returns its vectors. `p` keeps
/// pointing at the packed panel, which the caller moves on.
static int select_panel(panel_row *p, int outputs, int vector, const float *bias, void (**run)(const panel_row *, int)) {
  const int wide = panel_vectors((outputs + 15) / 16 - vector), rest = outputs - 16 * (vector + wide - 1);
  p->last = rest >= 16 ? 0xffff : (__mmask16)((1u << rest) - 1);
  p->bias = bias + 16 * vector;
  *run = panel_functions[wide - 1][rest <= 8];
  return wide;
}
