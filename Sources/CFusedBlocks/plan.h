// What packing, choosing and running a block agree on.
#pragma once
#include "cfused_blocks.h"

/// The 32-bit words of a pixel's run of numbers under one row of the expansion's window: one float or two bfloat16.
static inline int run_words(const cfused_block *b, int brain) {
  const int run = b->expand_extent * b->channels;
  return brain ? (run + 1) / 2 : run;
}

/// Places of a slab's row: pixels from `left` on, or pairs of pixels of which the first pair is padding. There is room
/// for the zeros behind the map and for the last chunk of output pixels, which may run over the edge.
static inline int row_places(const cfused_block *b, int brain) {
  const int reach = (b->out_width + 6) * b->stride + b->extent;
  const int pixels = (reach > b->width + 4 ? reach : b->width + 4) + 4;
  return brain ? (pixels + 1) / 2 : pixels;
}

/// Rows of the expanded map that are kept for a strip.
static inline int ring_rows(const cfused_block *b, int strip) { return strip * b->stride + b->extent - b->stride; }

/// Bytes from pixel to pixel of the depthwise layer's result; not a multiple of a page.
static inline size_t depthwise_pitch(const cfused_block *b, int brain) {
  return (size_t)b->expanded * (brain ? 2 : 4) + 64;
}

/// Numbers of a padded row of the input under the expansion's window.
static inline size_t padded_row(const cfused_block *b) {
  return ((size_t)((b->width + 8) * b->expand_stride + b->expand_extent) * b->channels + 31) / 32 * 32;
}

/// Output vectors of the next panel of the projection when `rest` vectors are left: as many threes as possible.
static inline int panel_vectors(int rest) { return rest % 3 && rest != 1 ? 2 : rest == 1 ? 1 : 3; }

/// The words of a pixel's run of numbers under one row of a convolution's window.
static inline int convolution_words(const cfused_convolution *c, int brain) {
  const int run = c->extent * c->channels;
  return brain ? (run + 1) / 2 : run;
}

/// Numbers of a padded row under a convolution's window; the last word of a run may reach one number further.
static inline size_t convolution_row(const cfused_convolution *c) {
  const int needed = (c->out_width - 1) * c->stride + c->extent, inside = c->left + c->width;
  return ((size_t)(needed > inside ? needed : inside) * c->channels + 32) / 32 * 32;
}

size_t cfused_workspace_float32(const cfused_block *block);
size_t cfused_workspace_bfloat16(const cfused_block *block);
