// Convolutions by panels: strips of output rows, of which the input's rows are padded once where they need it; the
// strip's input stays in the second-level cache while the panels of filters go by.
#pragma once
#include "panels.h"

/// Copies rows of the image under the strip's windows with their padding.
static void pad_rows(const cfused_convolution *c, const number *image, int first, int count, number *padded) {
  const size_t row = convolution_row(c);
  for (int r = 0; r < count; r++, padded += row) {
    const int from = first + r;
    if (from < 0 || from >= c->height) {
      memset(padded, 0, row * sizeof(number));
      continue;
    }
    const size_t left = (size_t)c->left * c->channels, inside = (size_t)c->width * c->channels;
    memset(padded, 0, left * sizeof(number));
    memcpy(padded + left, image + from * inside, inside * sizeof(number));
    memset(padded + left + inside, 0, (row - left - inside) * sizeof(number));
  }
}

/// One strip: `rows` rows of `pixels` pixels. Row y of the strip reads input rows y * stride ... from `input` on, which
/// are `input_row` numbers apart.
static void convolve_strip(
    const cfused_convolution *c, const number *input, size_t input_row, int rows, int pixels, const number *residual,
    number *output) {
  panel_row p = {
      .row_count = c->extent, .words = convolution_words(c, BRAIN),
      .pitch = (size_t)c->channels * c->stride * sizeof(number), .panel = c->filter, .low = c->low, .high = c->high,
      .channels = c->pitch};
  for (int v = 0; v < (c->outputs + 15) / 16;) {
    void (*run)(const panel_row *, int);
    const int wide = select_panel(&p, c->outputs, v, c->bias, &run);
    for (int y = 0; y < rows; y++) {
      const size_t place = (size_t)y * pixels * c->pitch + 16 * v;
      for (int r = 0; r < c->extent; r++) p.rows[r] = (const char *)(input + ((size_t)y * c->stride + r) * input_row);
      p.output = output + place;
      p.residual = residual ? residual + place : 0;
      run(&p, pixels);
    }
    p.panel += (size_t)c->extent * p.words * 64 * wide;
    v += wide;
  }
}

static void run_convolution(
    const cfused_convolution *c, number *workspace, const number *input, const number *residual, number *output,
    int images) {
  if (c->extent == 1 && c->stride == 1) {
    // All pixels of the batch are one row.
    const int total = images * c->height * c->width;
    for (int at = 0; at < total; at += c->strip) {
      const int pixels = total - at < c->strip ? total - at : c->strip;
      const size_t place = (size_t)at * c->pitch;
      convolve_strip(
          c, input + (size_t)at * c->channels, 0, 1, pixels, residual ? residual + place : 0, output + place);
    }
    return;
  }
  const size_t in = (size_t)c->height * c->width * c->channels;
  for (int i = 0; i < images; i++) {
    for (int y = 0; y < c->out_height; y += c->strip) {
      const int rows = c->out_height - y < c->strip ? c->out_height - y : c->strip;
      const size_t place = ((size_t)i * c->out_height + y) * c->out_width * c->pitch;
      const number *image = input + i * in, *from;
      size_t row;
      if (c->extent == 1) {
        row = (size_t)c->width * c->channels;
        from = image + (size_t)y * c->stride * row;
      } else {
        row = convolution_row(c);
        pad_rows(c, image, y * c->stride - c->top, (rows - 1) * c->stride + c->extent, workspace);
        from = workspace;
      }
      convolve_strip(c, from, row, rows, c->out_width, residual ? residual + place : 0, output + place);
    }
  }
}
