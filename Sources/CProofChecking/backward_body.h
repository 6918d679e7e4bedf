// One pass, compiled once for each instruction set; see cproofchecking.h. FMA(x, y, z) is x y + z with one rounding or
// two: the error account admits both. A vector holds the eight rows.
#pragma STDC FP_CONTRACT OFF

INLINED vector NAME(magnitude)(vector x) { return (vector)((mask)x & 0x7FFFFFFFFFFFFFFFll); }
INLINED vector NAME(select)(mask choice, vector x, vector y) {
  return (vector)((choice & (mask)x) | (~choice & (mask)y));
}
INLINED int NAME(is_zero)(vector x) {
  // NaN is not equal to 0, so it is not passed over.
  mask other = x != 0;
  int64_t any = 0;
  for (int lane = 0; lane < CPROOF_LANES; lane++) any |= other[lane];
  return any == 0;
}

static void NAME(affine)(const cproof_network *n, const cproof_layer *layer, vector *a, vector *c, vector *e) {
  for (int64_t j = layer->first; j < layer->first + layer->count; j++) {
    vector row = a[j];
    if (NAME(is_zero)(row)) continue;
    *c = FMA(row, SPLAT(n->bias[j]), *c);
    *e = FMA(NAME(magnitude)(row), SPLAT(n->charge[j]), *e);
    for (int64_t entry = n->starts[j]; entry < n->starts[j + 1]; entry++) {
      vector *target = a + n->columns[entry];
      *target = FMA(SPLAT(n->values[entry]), row, *target);
    }
  }
}

// max(z, 0) on [l, u], l < 0 < u. A row with a >= 0 takes any y in [0, a]: rounding is monotone, so y / a is a slope in
// [0, 1]. With a < 0 it takes y in [a, 0], slope s = y / a, and -a times the least valid intercept max(-s l, (1 - s) u)
// is max(y l, (y - a) u), from the y that is held.
static void NAME(relu)(
    const cproof_network *n, const cproof_layer *layer, vector *a, vector *c, vector *t, vector *e) {
  for (int64_t i = 0; i < layer->count; i++) {
    int64_t j = layer->first + i, z = layer->left + i;
    vector row = a[j];
    if (NAME(is_zero)(row)) continue;
    double l = n->lower[z], u = n->upper[z];
    vector y;
    if (l >= 0) {
      y = row;
    } else if (u <= 0) {
      continue;
    } else {
      double upper_slope = u / (u - l), slope = u > -l ? 1 : 0;
      vector lower_slope = SPLAT(slope);
      if (n->lane_index && n->lane_index[j] >= 0) {
        lower_slope = *(const vector *)(n->lane_lines + 6 * CPROOF_LANES * (int64_t)n->lane_index[j]);
      }
      mask is_positive = row >= 0;
      y = row * NAME(select)(is_positive, lower_slope, SPLAT(upper_slope));
      vector at_lower = y * SPLAT(l), at_upper = (y - row) * SPLAT(u);
      vector least = NAME(select)(at_lower > at_upper, at_lower, at_upper);
      least += (at_lower + at_upper) * 0;  // a NaN or an overflow in the one that was not taken must not be lost
      least = NAME(select)(is_positive, SPLAT(0.0), least);
      *c -= least;
      *t += least;
    }
    a[z] += y;
    *e = FMA(NAME(magnitude)(y), SPLAT(n->gain[z]), *e);
  }
}

static void NAME(function)(
    const cproof_network *n, const cproof_layer *layer, vector *a, vector *c, vector *t, vector *e) {
  for (int64_t i = 0; i < layer->count; i++) {
    int64_t j = layer->first + i, z = layer->left + i;
    vector row = a[j];
    if (NAME(is_zero)(row)) continue;
    const double *line = n->lines + 6 * j;
    vector ls = SPLAT(line[0]), li = SPLAT(line[1]), us = SPLAT(line[2]), ui = SPLAT(line[3]);
    if (n->lane_index && n->lane_index[j] >= 0) {
      const vector *own = (const vector *)(n->lane_lines + 6 * CPROOF_LANES * (int64_t)n->lane_index[j]);
      ls = own[0], li = own[1], us = own[2], ui = own[3];
    }
    mask is_positive = row >= 0;
    vector y = row * NAME(select)(is_positive, ls, us), term = row * NAME(select)(is_positive, li, ui);
    *c += term;
    *t += NAME(magnitude)(term);
    a[z] += y;
    *e = FMA(NAME(magnitude)(y), SPLAT(n->gain[z]), *e);
    *e = FMA(NAME(magnitude)(row), SPLAT(n->charge[j]), *e);
  }
}

static void NAME(product)(
    const cproof_network *n, const cproof_layer *layer, vector *a, vector *c, vector *t, vector *e) {
  for (int64_t i = 0; i < layer->count; i++) {
    int64_t j = layer->first + i, x = layer->left + i, y = layer->right + i;
    vector row = a[j];
    if (NAME(is_zero)(row)) continue;
    const double *plane = n->lines + 6 * j;
    vector p[6] = {SPLAT(plane[0]), SPLAT(plane[1]), SPLAT(plane[2]),
                   SPLAT(plane[3]), SPLAT(plane[4]), SPLAT(plane[5])};
    if (n->lane_index && n->lane_index[j] >= 0) {
      const vector *own = (const vector *)(n->lane_lines + 6 * CPROOF_LANES * (int64_t)n->lane_index[j]);
      for (int i = 0; i < 6; i++) p[i] = own[i];
    }
    mask is_positive = row >= 0;
    vector to_x = row * NAME(select)(is_positive, p[0], p[3]);
    vector to_y = row * NAME(select)(is_positive, p[1], p[4]);
    vector term = row * NAME(select)(is_positive, p[2], p[5]);
    *c += term;
    *t += NAME(magnitude)(term);
    a[x] += to_x;
    a[y] += to_y;
    *e = FMA(NAME(magnitude)(to_x), SPLAT(n->gain[x]), *e);
    *e = FMA(NAME(magnitude)(to_y), SPLAT(n->gain[y]), *e);
    *e = FMA(NAME(magnitude)(row), SPLAT(n->charge[j]), *e);
  }
}

static void NAME(backward)(
    const cproof_network *n, int64_t from, int64_t to, double *coefficients, double *constant, double *size,
    double *error) {
  vector *a = (vector *)coefficients;
  vector c = LOAD(constant), t = LOAD(size), e = LOAD(error);
  for (int64_t index = from; index > to; index--) {
    const cproof_layer *layer = n->layers + index;
    switch (layer->kind) {
      case CPROOF_AFFINE: NAME(affine)(n, layer, a, &c, &e); break;
      case CPROOF_RELU: NAME(relu)(n, layer, a, &c, &t, &e); break;
      case CPROOF_FUNCTION: NAME(function)(n, layer, a, &c, &t, &e); break;
      case CPROOF_PRODUCT: NAME(product)(n, layer, a, &c, &t, &e); break;
      default: break;
    }
  }
  STORE(constant, c);
  STORE(size, t);
  STORE(error, e);
}

static void NAME(concretise)(
    const double *coefficients, const double *lower, const double *upper, int64_t count, double *sum, double *size) {
  const vector *a = (const vector *)coefficients;
  vector c = LOAD(sum), t = LOAD(size);
  for (int64_t i = 0; i < count; i++) {
    vector term = a[i] * NAME(select)(a[i] >= 0, SPLAT(lower[i]), SPLAT(upper[i]));
    c += term;
    t += NAME(magnitude)(term);
  }
  STORE(sum, c);
  STORE(size, t);
}
