// Points and intervals carried forward.
#include "panels.h"

#pragma STDC FP_CONTRACT ON

// Eight rows of a group by 16 lanes.
INLINE void dense_rows(
    const cbp_layer *layer, int64_t lanes, double *values, const int32_t *rows, int64_t k, int wide) {
  int64_t start = layer->starts[rows[0]], n = layer->starts[rows[0] + 1] - start;
  const int32_t *columns = layer->columns + start;
  const double *w[8];
  vd a[8], b[8];
  for (int r = 0; r < 8; r++) {
    w[r] = layer->values + layer->starts[rows[r]];
    a[r] = b[r] = SPLAT(layer->bias[rows[r]]);
  }
  for (int64_t c = 0; c < n; c++) {
    const double *source = values + (int64_t)columns[c] * lanes + k;
    vd x = LOAD(source);
    if (wide) {
      vd y = LOAD(source + 8);
      for (int r = 0; r < 8; r++) {
        a[r] += w[r][c] * x;
        b[r] += w[r][c] * y;
      }
    } else {
      for (int r = 0; r < 8; r++) a[r] += w[r][c] * x;
    }
  }
  for (int r = 0; r < 8; r++) {
    double *target = values + (layer->first + rows[r]) * lanes + k;
    STORE(target, a[r]);
    if (wide) STORE(target + 8, b[r]);
  }
}

INLINE void one_row(const cbp_layer *layer, int64_t lanes, double *values, int64_t j) {
  double *row = values + (layer->first + j) * lanes;
  for (int64_t k = 0; k < lanes; k += 8) {
    vd sum = SPLAT(layer->bias[j]);
    for (int64_t e = layer->starts[j]; e < layer->starts[j + 1]; e++) {
      sum += layer->values[e] * LOAD(values + (int64_t)layer->columns[e] * lanes + k);
    }
    STORE(row + k, sum);
  }
}

INLINE void affine(const cbp_layer *layer, int64_t lanes, const uint8_t *touched, double *values) {
  for (int64_t g = 0; g < layer->group_count; g++) {
    // Touched rows wait here until there are eight of them.
    int32_t waiting[8];
    int count = 0;
    for (int64_t i = layer->group_starts[g]; i < layer->group_starts[g + 1]; i++) {
      int32_t j = layer->group_rows[i];
      if (!touched[layer->first + j]) {
        memset(values + (layer->first + j) * lanes, 0, lanes * sizeof(double));
        continue;
      }
      waiting[count++] = j;
      if (count < 8) continue;
      int64_t k = 0;
      for (; k + 16 <= lanes; k += 16) dense_rows(layer, lanes, values, waiting, k, 1);
      for (; k < lanes; k += 8) dense_rows(layer, lanes, values, waiting, k, 0);
      count = 0;
    }
    for (int i = 0; i < count; i++) one_row(layer, lanes, values, waiting[i]);
  }
}

VECTORS void cbp_forward(
    const cbp_layer *layers, int64_t top, int64_t lanes, const double *panel, const uint8_t *touched,
    const cbp_lines *lines, double *values) {
  for (int64_t i = 1; i <= top; i++) {
    const cbp_layer *layer = layers + i;
    if (layer->kind == CBP_AFFINE) {
      affine(layer, lanes, touched, values);
      continue;
    }
    for (int64_t j = 0; j < layer->count; j++) {
      int64_t neuron = layer->first + j, index = layer->lines + j;
      double *row = values + neuron * lanes;
      if (!touched[neuron]) {
        memset(row, 0, lanes * sizeof(double));
        continue;
      }
      for (int64_t k = 0; k < lanes; k += 8) {
        vi above = LOAD(panel + neuron * lanes + k) >= 0;
        vd t = SELECT(above, ENTRY(lines->lower_intercept, index, lines->stride, k),
            ENTRY(lines->upper_intercept, index, lines->stride, k));
        vd s = SELECT(above, ENTRY(lines->lower_slope, index, lines->stride, k),
            ENTRY(lines->upper_slope, index, lines->stride, k));
        vd sum = t + s * LOAD(values + (layer->left + j) * lanes + k);
        if (layer->kind == CBP_PRODUCT) {
          vd s2 = SELECT(above, ENTRY(lines->lower_second, index, lines->stride, k),
              ENTRY(lines->upper_second, index, lines->stride, k));
          sum += s2 * LOAD(values + (layer->right + j) * lanes + k);
        }
        STORE(row + k, sum);
      }
    }
  }
}

// One row over `lanes` lanes (1 or a multiple of 8).
INLINE void interval_row(
    const cbp_layer *layer, int64_t j, int64_t lanes, double *lower, double *upper, double *magnitude) {
  int64_t start = layer->starts[j], end = layer->starts[j + 1], place = (layer->first + j) * lanes;
  double bias = layer->bias[j], absolute = bias < 0 ? -bias : bias;
  if (lanes == 1) {
    double l = bias, u = bias, m = absolute;
    for (int64_t e = start; e < end; e++) {
      double w = layer->values[e], a = lower[layer->columns[e]], b = upper[layer->columns[e]];
      double x = w * a, y = w * b, ax = x < 0 ? -x : x, ay = y < 0 ? -y : y;
      l += w >= 0 ? x : y;
      u += w >= 0 ? y : x;
      m += ax > ay ? ax : ay;
    }
    lower[place] = l;
    upper[place] = u;
    magnitude[j] = m;
    return;
  }
  for (int64_t k = 0; k < lanes; k += 8) {
    vd l = SPLAT(bias), u = l, m = SPLAT(absolute);
    for (int64_t e = start; e < end; e++) {
      double w = layer->values[e];
      int64_t source = (int64_t)layer->columns[e] * lanes + k;
      vd x = w * LOAD(lower + source), y = w * LOAD(upper + source), ax = ABSOLUTE(x), ay = ABSOLUTE(y);
      if (w >= 0) {
        l += x;
        u += y;
      } else {
        l += y;
        u += x;
      }
      m += SELECT((vi)(ax > ay), ax, ay);
    }
    STORE(lower + place + k, l);
    STORE(upper + place + k, u);
    STORE(magnitude + j * lanes + k, m);
  }
}

VECTORS void cbp_interval(
    const cbp_layer *layer, int64_t lanes, double *lower, double *upper, double *magnitude, const uint8_t *needed) {
  for (int64_t j = 0; j < layer->count; j++) {
    if (needed[layer->first + j]) interval_row(layer, j, lanes, lower, upper, magnitude);
  }
}
