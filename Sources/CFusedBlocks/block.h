// The three stages of a block over strips of the map.
//
// A strip's rows of the expanded map are made slab by slab (48 channels, which fill the registers with 7 or 8 pixels),
// kept in a ring of rows per slab so that no row is made twice, and read by the depthwise layer, whose result for all
// channels of the strip then meets the projection with the full sum. Where a whole map is one strip, the slabs are the
// outer loop and images the inner one: one slab stays in the cache and the filters are read once for many images.
#pragma once
#include "depthwise.h"
#include "panels.h"

/// Expands pixels of a row. `rows` are the input's rows under the window at the first pixel.
typedef struct {
  const char *rows[3];
  int row_count, words;
  size_t pitch;
  const char *filter;
  const float *bias;
  float low, high;
  float *slab;
} expansion;

#define EXPAND(PIXELS, VECTORS)                                                                        \
  TARGET static void expand_##PIXELS##_##VECTORS(const expansion *e) {                                 \
    tile t;                                                                                            \
    start(PIXELS, VECTORS, 0, &t, e->bias);                                                            \
    for (int r = 0; r < e->row_count; r++) {                                                           \
      multiply(                                                                                        \
          PIXELS, VECTORS, 0, &t, e->rows[r], e->pitch, e->filter + (size_t)r * e->words * 64 * VECTORS, \
          e->words);                                                                                   \
    }                                                                                                  \
    finish_slab(PIXELS, VECTORS, &t, e->low, e->high, e->slab);                                        \
  }
#define EXPANSIONS(VECTORS)                                                               \
  EXPAND(1, VECTORS) EXPAND(2, VECTORS) EXPAND(3, VECTORS) EXPAND(4, VECTORS)             \
  EXPAND(5, VECTORS) EXPAND(6, VECTORS) EXPAND(7, VECTORS) EXPAND(8, VECTORS)
EXPANSIONS(2) EXPANSIONS(3)
static void (*const expand_functions[2][9])(const expansion *) = {
    {0, expand_1_2, expand_2_2, expand_3_2, expand_4_2, expand_5_2, expand_6_2, expand_7_2, expand_8_2},
    {0, expand_1_3, expand_2_3, expand_3_3, expand_4_3, expand_5_3, expand_6_3, expand_7_3, expand_8_3}};

/// One row of the expanded map, `width` pixels; pixels of the input are `pitch` bytes apart.
static void expand_row(const cfused_block *b, expansion *e, size_t pitch) {
  const int vectors = b->slab / 16;
  // Seven pixels divide the maps of images of 224 pixels; pairs of pixels need an even number.
  const int step = BRAIN || vectors == 2 ? (b->width == 7 ? 7 : 8) : 7;
  e->pitch = pitch;
  for (int x = 0; x < b->width;) {
    const int pixels = b->width - x < step ? b->width - x : step;
    expand_functions[vectors - 2][pixels](e);
    x += pixels;
    for (int r = 0; r < e->row_count; r++) e->rows[r] += pixels * pitch;
    e->slab += (size_t)(BRAIN ? pixels / 2 : pixels) * b->slab;
  }
}

/// Projects `pixels` pixels, panel by panel.
static void project(
    const cfused_block *b, const char *input, int pixels, const number *residual, number *output) {
  panel_row p = {
      .rows = {input}, .row_count = 1, .words = b->expanded / (BRAIN ? 2 : 1), .pitch = depthwise_pitch(b, BRAIN),
      .panel = b->filters[2], .low = b->low[2], .high = b->high[2], .channels = b->outputs};
  for (int v = 0; v < (b->outputs + 15) / 16;) {
    void (*run)(const panel_row *, int);
    const int wide = select_panel(&p, b->outputs, v, b->biases[2], &run);
    p.output = output + 16 * v;
    p.residual = residual ? residual + 16 * v : 0;
    run(&p, pixels);
    p.panel += (size_t)p.words * 64 * wide;
    v += wide;
  }
}

/// Memory of one run.
typedef struct {
  /// [slab][ring row][place][slab channels], 32-bit words; one slab where a strip is a whole map.
  float *ring;
  /// A row of zeros for what lies above and below the map.
  float *zeros;
  /// [pixel][expanded] in `depthwise_pitch`.
  char *depthwise;
  /// Rows of the input with their padding, for an expansion with a window: row y stands at y mod 4; the fifth is zero.
  number *padded;
  /// The next row of the input to be padded.
  int next;
} workspace;

static size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

static size_t lay_out(const cfused_block *b, char *at, workspace *w) {
  const size_t row = (size_t)row_places(b, BRAIN) * b->slab * 4;
  const int whole = b->strip == b->out_height;
  const size_t ring = aligned(row * ring_rows(b, b->strip) * (whole ? 1 : b->expanded / b->slab));
  // The last chunk of pixels of the last row runs over by at most 6.
  const size_t pixels = (size_t)(whole ? b->group : 1) * b->strip * b->out_width + 6;
  const size_t depthwise = aligned(pixels * depthwise_pitch(b, BRAIN));
  const size_t padded = b->expand_extent > 1 ? aligned(5 * padded_row(b) * sizeof(number)) : 0;
  w->ring = (float *)at;
  w->zeros = (float *)(at + ring);
  w->depthwise = at + ring + aligned(row);
  w->padded = (number *)(at + ring + aligned(row) + depthwise);
  return ring + aligned(row) + depthwise + padded;
}

/// The input's rows under the window of row y of the expanded map, padded; each row of the input is copied once.
static void padded_rows(const cfused_block *b, workspace *w, const number *image, int y, expansion *e) {
  const size_t row = padded_row(b);
  for (int r = 0; r < b->expand_extent; r++) {
    const int from = y * b->expand_stride - b->expand_top + r;
    if (from < 0 || from >= b->in_height) {
      e->rows[r] = (const char *)(w->padded + 4 * row);
      continue;
    }
    for (; w->next <= from; w->next++) {
      memcpy(
          w->padded + w->next % 4 * row + b->expand_left * b->channels,
          image + (size_t)w->next * b->in_width * b->channels, (size_t)b->in_width * b->channels * sizeof(number));
    }
    e->rows[r] = (const char *)(w->padded + from % 4 * row);
  }
}

/// Rows `low` ..< `high` of a slab of the expanded map of one image.
static void expand_rows(
    const cfused_block *b, workspace *w, const number *image, int slab, float *ring, int low, int high) {
  const int rows = ring_rows(b, b->strip), words = run_words(b, BRAIN);
  const size_t row = (size_t)row_places(b, BRAIN) * b->slab;
  const size_t pixel = (size_t)b->channels * sizeof(number);
  // Every slab pads the input's rows anew.
  if (low < 0) low = 0;
  w->next = low * b->expand_stride - b->expand_top;
  if (w->next < 0) w->next = 0;
  expansion e = {
      .row_count = b->expand_extent, .words = words,
      .filter = (const char *)b->filters[0] + (size_t)slab * b->expand_extent * words * b->slab * 4,
      .bias = b->biases[0] + slab * b->slab, .low = b->low[0], .high = b->high[0]};
  for (int y = low; y < high; y++) {
    if (b->expand_extent > 1) {
      padded_rows(b, w, image, y, &e);
    } else {
      e.rows[0] = (const char *)image + (size_t)y * b->width * pixel;
    }
    e.slab = ring + y % rows * row + (size_t)(BRAIN ? 1 : b->left) * b->slab;
    expand_row(b, &e, pixel * b->expand_stride);
  }
}

/// Output rows y0 ..< y0 + count of the depthwise layer for a slab.
static void depthwise_rows(
    const cfused_block *b, const workspace *w, const float *ring, int slab, int y0, int count, char *output) {
  const int rows = ring_rows(b, b->strip), vectors = b->slab / 16;
  const size_t row = (size_t)row_places(b, BRAIN) * b->slab;
  // bfloat16: the first tap of pixel 0 is pixel -left, which stands at pixel 2 - left of the row.
  const int odd = BRAIN ? (2 - b->left) & 1 : 0, shift = BRAIN ? (2 - b->left) / 2 * b->slab : 0;
  const int taps = b->extent * (BRAIN ? (b->extent + 1) / 2 * 2 : b->extent);
  depthwise_row d = {
      .width = b->out_width, .low = b->low[1], .high = b->high[1], .pitch = depthwise_pitch(b, BRAIN)};
  const depthwise_function run = depthwise_functions[vectors == 2][b->extent == 5][b->stride - 1][odd];
  for (int y = 0; y < count; y++) {
    for (int v = 0; v < vectors; v++) {
      for (int r = 0; r < b->extent; r++) {
        const int from = (y0 + y) * b->stride - b->top + r;
        d.rows[r] = (from < 0 || from >= b->height ? w->zeros : ring + from % rows * row + shift) + 16 * v;
      }
      d.filter = (const float *)b->filters[1] + (size_t)(slab * vectors + v) * taps * 16;
      d.bias = b->biases[1] + slab * b->slab + 16 * v;
      d.output = output + (size_t)y * b->out_width * d.pitch + (slab * b->slab + 16 * v) * sizeof(number);
      run(&d);
    }
  }
}

/// Zeros around the map in every row of the ring, and in the rows that stand for what lies outside.
static void clear_borders(const cfused_block *b, workspace *w) {
  const int places = row_places(b, BRAIN), first = BRAIN ? 1 : b->left;
  const int used = BRAIN ? (b->width + 1) / 2 : b->width;
  const int rows = ring_rows(b, b->strip) * (b->strip == b->out_height ? 1 : b->expanded / b->slab);
  for (int r = 0; r < rows; r++) {
    float *row = w->ring + (size_t)r * places * b->slab;
    memset(row, 0, (size_t)first * b->slab * 4);
    memset(row + (size_t)(first + used) * b->slab, 0, (size_t)(places - first - used) * b->slab * 4);
  }
  memset(w->zeros, 0, (size_t)places * b->slab * 4);
  if (b->expand_extent > 1) memset(w->padded, 0, 5 * padded_row(b) * sizeof(number));
}

static void run_block(
    const cfused_block *b, void *memory, const number *input, const number *residual, number *output, int images) {
  workspace w;
  lay_out(b, memory, &w);
  clear_borders(b, &w);
  const int whole = b->strip == b->out_height, slabs = b->expanded / b->slab;
  const size_t ring = (size_t)row_places(b, BRAIN) * b->slab * ring_rows(b, b->strip);
  const size_t in = (size_t)b->in_height * b->in_width * b->channels;
  const size_t row = (size_t)b->out_width * b->outputs, out = b->out_height * row;
  const size_t strip = (size_t)b->out_width * b->strip * depthwise_pitch(b, BRAIN);
  for (int first = 0; first < images; first += whole ? b->group : 1) {
    const int group = !whole ? 1 : images - first < b->group ? images - first : b->group;
    for (int y = 0; y < b->out_height; y += b->strip) {
      const int count = b->out_height - y < b->strip ? b->out_height - y : b->strip;
      const int low = y ? y * b->stride - b->top + b->extent - b->stride : 0;
      const int end = (y + count - 1) * b->stride - b->top + b->extent;
      const int high = end < b->height ? end : b->height;
      for (int slab = 0; slab < slabs; slab++) {
        float *own = w.ring + (whole ? 0 : slab * ring);
        for (int i = 0; i < group; i++) {
          expand_rows(b, &w, input + (first + i) * in, slab, own, low, high);
          depthwise_rows(b, &w, own, slab, y, count, w.depthwise + i * strip);
        }
      }
      const size_t place = first * out + y * row;
      project(b, w.depthwise, group * count * b->out_width, residual ? residual + place : 0, output + place);
    }
  }
}
