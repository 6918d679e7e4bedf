// Linear forms carried back through the layers, latest first.
#include "panels.h"

#pragma STDC FP_CONTRACT ON

// target row += or = weight * source row
INLINE void add_scaled(
    double *panel, uint8_t *touched, int64_t lanes, int64_t target, double weight, const double *source) {
  double *row = panel + target * lanes;
  if (touched[target]) {
    for (int64_t k = 0; k < lanes; k += 8) STORE(row + k, LOAD(row + k) + weight * LOAD(source + k));
  } else {
    for (int64_t k = 0; k < lanes; k += 8) STORE(row + k, weight * LOAD(source + k));
    touched[target] = 1;
  }
}

INLINE void clear_row(double *panel, uint8_t *touched, int64_t lanes, int64_t target) {
  if (!touched[target]) {
    memset(panel + target * lanes, 0, lanes * sizeof(double));
    touched[target] = 1;
  }
}

// panel[columns[c]] += sum over the listed rows j of W[j][c] * panel[first + j], eight columns by 16 lanes.
INLINE void dense_block(
    const cbp_layer *layer, int64_t lanes, double *panel, const int32_t *list, int64_t listed,
    const int32_t *columns, int64_t column, int64_t k, int wide, int fresh) {
  const double *source = panel + layer->first * lanes + k;
  vd a[8], b[8];
  for (int c = 0; c < 8; c++) a[c] = b[c] = (vd){0};
  for (int64_t i = 0; i < listed; i++) {
    const double *w = layer->values + layer->starts[list[i]] + column, *row = source + list[i] * lanes;
    vd x = LOAD(row);
    if (wide) {
      vd y = LOAD(row + 8);
      for (int c = 0; c < 8; c++) {
        a[c] += w[c] * x;
        b[c] += w[c] * y;
      }
    } else {
      for (int c = 0; c < 8; c++) a[c] += w[c] * x;
    }
  }
  for (int c = 0; c < 8; c++) {
    double *target = panel + (int64_t)columns[column + c] * lanes + k;
    STORE(target, fresh ? a[c] : LOAD(target) + a[c]);
    if (wide) STORE(target + 8, fresh ? b[c] : LOAD(target + 8) + b[c]);
  }
}

// The touched rows of one group.
INLINE void dense(
    const cbp_layer *layer, int64_t lanes, double *panel, uint8_t *touched, const int32_t *list, int64_t listed) {
  int64_t start = layer->starts[list[0]], n = layer->starts[list[0] + 1] - start, column = 0;
  const int32_t *columns = layer->columns + start;
  for (; column + 8 <= n; column += 8) {
    int fresh = 1;
    for (int64_t c = column; c < column + 8; c++) fresh &= !touched[columns[c]];
    for (int64_t c = column; c < column + 8; c++) {
      if (fresh) {
        touched[columns[c]] = 1;
      } else {
        clear_row(panel, touched, lanes, columns[c]);
      }
    }
    int64_t k = 0;
    for (; k + 16 <= lanes; k += 16) dense_block(layer, lanes, panel, list, listed, columns, column, k, 1, fresh);
    for (; k < lanes; k += 8) dense_block(layer, lanes, panel, list, listed, columns, column, k, 0, fresh);
  }
  for (; column < n; column++) {
    for (int64_t i = 0; i < listed; i++) {
      add_scaled(
          panel, touched, lanes, columns[column], layer->values[layer->starts[list[i]] + column],
          panel + (layer->first + list[i]) * lanes);
    }
  }
}

INLINE void affine(
    const cbp_layer *layer, int64_t lanes, double *panel, uint8_t *touched, cbp_sums sums, int32_t *list) {
  for (int64_t g = 0; g < layer->group_count; g++) {
    int64_t listed = 0;
    for (int64_t i = layer->group_starts[g]; i < layer->group_starts[g + 1]; i++) {
      int32_t j = layer->group_rows[i];
      if (!touched[layer->first + j]) continue;
      list[listed++] = j;
      const double *row = panel + (layer->first + j) * lanes;
      double bias = layer->bias[j], charge = layer->charge[j];
      for (int64_t k = 0; k < lanes; k += 8) {
        vd a = LOAD(row + k), term = bias * a;
        STORE(sums.constant + k, LOAD(sums.constant + k) + term);
        STORE(sums.magnitude + k, LOAD(sums.magnitude + k) + ABSOLUTE(term));
        STORE(sums.error + k, LOAD(sums.error + k) + charge * ABSOLUTE(a));
      }
    }
    if (listed > 2) {
      dense(layer, lanes, panel, touched, list, listed);
      continue;
    }
    for (int64_t i = 0; i < listed; i++) {
      int64_t j = list[i];
      const double *row = panel + (layer->first + j) * lanes;
      for (int64_t e = layer->starts[j]; e < layer->starts[j + 1]; e++) {
        add_scaled(panel, touched, lanes, layer->columns[e], layer->values[e], row);
      }
    }
  }
}

// Lanes in which the coefficient is 0 pass nothing on, whatever the line: there may be none.
INLINE void functions(
    const cbp_layer *layer, int64_t lanes, double *panel, uint8_t *touched, const cbp_lines *lines,
    const double *charges, cbp_sums sums, int binary) {
  for (int64_t j = 0; j < layer->count; j++) {
    if (!touched[layer->first + j]) continue;
    const double *row = panel + (layer->first + j) * lanes;
    int64_t index = layer->lines + j, x = layer->left + j, y = layer->right + j;
    double charge = charges[x], second = binary ? charges[y] : 0, own = layer->charge ? layer->charge[j] : 0;
    for (int64_t k = 0; k < lanes; k += 8) {
      vd a = LOAD(row + k);
      vi above = a >= 0, some = a != 0;
      vd t = SELECT(above, ENTRY(lines->lower_intercept, index, lines->stride, k),
          ENTRY(lines->upper_intercept, index, lines->stride, k));
      vd s = SELECT(above, ENTRY(lines->lower_slope, index, lines->stride, k),
          ENTRY(lines->upper_slope, index, lines->stride, k));
      vd term = (vd)((vi)(a * t) & some), passed = (vd)((vi)(a * s) & some);
      STORE(sums.constant + k, LOAD(sums.constant + k) + term);
      STORE(sums.magnitude + k, LOAD(sums.magnitude + k) + ABSOLUTE(term));
      vd error = LOAD(sums.error + k) + own * ABSOLUTE(a);
      vi any = passed != 0;
      int64_t bits = ANY(any);
      if (bits) {
        error += charge * ABSOLUTE(passed);
        clear_row(panel, touched, lanes, x);
        STORE(panel + x * lanes + k, LOAD(panel + x * lanes + k) + passed);
      }
      if (binary) {
        vd s2 = SELECT(above, ENTRY(lines->lower_second, index, lines->stride, k),
            ENTRY(lines->upper_second, index, lines->stride, k));
        passed = (vd)((vi)(a * s2) & some);
        any = passed != 0;
        bits = ANY(any);
        if (bits) {
          error += second * ABSOLUTE(passed);
          clear_row(panel, touched, lanes, y);
          STORE(panel + y * lanes + k, LOAD(panel + y * lanes + k) + passed);
        }
      }
      STORE(sums.error + k, error);
    }
  }
}

VECTORS void cbp_backward(
    const cbp_layer *layers, int64_t top, int64_t lanes, double *panel, uint8_t *touched, const cbp_lines *lines,
    const double *charge, cbp_sums sums, int32_t *scratch) {
  for (int64_t i = top; i > 0; i--) {
    const cbp_layer *layer = layers + i;
    switch (layer->kind) {
      case CBP_AFFINE: affine(layer, lanes, panel, touched, sums, scratch); break;
      case CBP_FUNCTION: functions(layer, lanes, panel, touched, lines, charge, sums, 0); break;
      case CBP_PRODUCT: functions(layer, lanes, panel, touched, lines, charge, sums, 1); break;
      default: break;
    }
  }
}

VECTORS void cbp_concretize(
    int64_t inputs, int64_t lanes, const double *panel, const uint8_t *touched, const double *lower,
    const double *upper, int64_t stride, cbp_sums sums, double *point) {
  for (int64_t i = 0; i < inputs; i++) {
    for (int64_t k = 0; k < lanes; k += 8) {
      vd l = ENTRY(lower, i, stride, k), u = ENTRY(upper, i, stride, k);
      vd a = touched[i] ? LOAD(panel + i * lanes + k) : (vd){0};
      vd x = SELECT((vi)(a >= 0), l, u);
      vd term = (vd)((vi)(a * x) & (vi)(a != 0));
      STORE(sums.constant + k, LOAD(sums.constant + k) + term);
      STORE(sums.magnitude + k, LOAD(sums.magnitude + k) + ABSOLUTE(term));
      if (point) STORE(point + i * lanes + k, x);
    }
  }
}
