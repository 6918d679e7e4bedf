// One subproblem's backward passes, written for vectors of LANES numbers over neurons; compiled once for each
// instruction set. Section numbers are those of the soundness notes.
#include "work.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

typedef double V __attribute__((ext_vector_type(LANES)));
typedef V unaligned __attribute__((aligned(8)));

INLINE V NAMED(load)(const double *x) { return *(const unaligned *)x; }
INLINE void NAMED(store)(double *x, V v) { *(unaligned *)x = v; }
INLINE V NAMED(all)(double x) { return (V)(x); }
INLINE V NAMED(absolute)(V v) { return __builtin_elementwise_abs(v); }
INLINE double NAMED(sum)(V v) {
#if LANES == 8
  double __attribute__((ext_vector_type(4))) four = v.lo + v.hi;
#else
  double __attribute__((ext_vector_type(4))) four = v;
#endif
  double __attribute__((ext_vector_type(2))) two = four.lo + four.hi;
  return two.x + two.y;
}

/// The line of LANES neurons for coefficients a of h; returns the coefficients of z. Section 1.4: for a >= 0 any y in
/// [0, a] (here 0 or a); for a < 0 any y in [a, 0] with the intercept P = max((-y)(-l), (y - a) u), charged by
/// gamma(D + 4)(1 + 2^-10) P. The bias dot is charged inside v'. NaN stays in y and reaches C through y b; the
/// comparisons drop it from P only.
INLINE V NAMED(line)(V a, const alive_node *n, size_t at, V scalar_charge, V *c, V *e) {
  const V zero = NAMED(all)(0);
  V slope = a >= zero ? NAMED(load)(n->lower_slope + at) : NAMED(load)(n->upper_slope + at);
  V y = a * slope;
  V left = y * NAMED(load)(n->low + at), right = (y - a) * NAMED(load)(n->high + at);
  V intercept = left > right ? left : right;
  intercept = intercept > zero ? intercept : zero;
  *c = MULTIPLY_ADD(y, NAMED(load)(n->bias + at), *c) - intercept;
  *e = MULTIPLY_ADD(NAMED(absolute)(y), NAMED(load)(n->charge + at), *e);
  *e = MULTIPLY_ADD(scalar_charge, intercept, *e);
  return y;
}

/// Rows r ..< r + ROWS, columns at ..< at + TILE * LANES of the source: coefficients times weights, added to what is
/// there if `accumulates`, through the source's lines if `lines`.
INLINE void NAMED(tile)(
    cfb_work *w, const alive_node *n, alive_node *source, const double *weights, int r, size_t at, int first, int last,
    int accumulates, int lines, double scalar_charge, const int ROWS, const int TILE) {
  V sums[12][4];
  double *out = source->coefficients + (size_t)r * source->stride + at;
  const double *in = n->coefficients + (size_t)r * n->stride;
  const size_t in_stride = n->stride, out_stride = source->stride;
#pragma clang loop unroll(full)
  for (int i = 0; i < ROWS; i++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < TILE; v++) {
      sums[i][v] = accumulates ? NAMED(load)(out + i * out_stride + v * LANES) : NAMED(all)(0);
    }
  }
  const double *x = weights + (size_t)first * out_stride + at;
  for (int k = first; k < last; k++, x += out_stride) {
    V column[4];
#pragma clang loop unroll(full)
    for (int v = 0; v < TILE; v++) column[v] = NAMED(load)(x + v * LANES);
#pragma clang loop unroll(full)
    for (int i = 0; i < ROWS; i++) {
      V a = NAMED(all)(in[i * in_stride + k]);
#pragma clang loop unroll(full)
      for (int v = 0; v < TILE; v++) sums[i][v] = MULTIPLY_ADD(a, column[v], sums[i][v]);
    }
  }
  if (lines) {
    const V charge = NAMED(all)(scalar_charge);
#pragma clang loop unroll(full)
    for (int i = 0; i < ROWS; i++) {
      V c = NAMED(load)(w->constants + (r + i) * 8), e = NAMED(load)(w->errors + (r + i) * 8);
#pragma clang loop unroll(full)
      for (int v = 0; v < TILE; v++) {
        V y = NAMED(line)(sums[i][v], source, at + v * LANES, charge, &c, &e);
        NAMED(store)(out + i * out_stride + v * LANES, y);
      }
      NAMED(store)(w->constants + (r + i) * 8, c);
      NAMED(store)(w->errors + (r + i) * 8, e);
    }
  } else {
#pragma clang loop unroll(full)
    for (int i = 0; i < ROWS; i++) {
#pragma clang loop unroll(full)
      for (int v = 0; v < TILE; v++) NAMED(store)(out + i * out_stride + v * LANES, sums[i][v]);
    }
  }
}

#define BLOCKS(ROWS, TILE)                                                                                     \
  for (; r + ROWS <= rows; r += ROWS)                                                                          \
    NAMED(tile)(w, n, source, weights, r, at, first, last, accumulates, lines, scalar_charge, ROWS, TILE);

#define COLUMNS(TILE, ROWS)                                                                                    \
  static void NAMED(columns_##TILE)(                                                                           \
      cfb_work *w, const alive_node *n, alive_node *source, const double *weights, int rows, size_t at, int first, \
      int last, int accumulates, int lines, double scalar_charge) {                                            \
    int r = 0;                                                                                                 \
    BLOCKS(ROWS, TILE)                                                                                         \
    if (ROWS > 4) { BLOCKS(4, TILE) }                                                                          \
    BLOCKS(2, TILE)                                                                                            \
    BLOCKS(1, TILE)                                                                                            \
  }

#if LANES == 8
COLUMNS(1, 12)
COLUMNS(2, 10)
COLUMNS(3, 8)
COLUMNS(4, 6)
#else
COLUMNS(1, 10)
COLUMNS(2, 6)
COLUMNS(3, 4)
#endif

/// Makes columns first ..< last of a row valid, new ones as 0.
INLINE void NAMED(widen)(alive_node *n, int row, int first, int last) {
  double *a = n->coefficients + (size_t)row * n->stride;
  if (n->first[row] >= n->last[row]) {
    memset(a + first, 0, (size_t)(last - first) * sizeof *a);
    n->first[row] = first;
    n->last[row] = last;
    return;
  }
  if (first < n->first[row]) {
    memset(a + first, 0, (size_t)(n->first[row] - first) * sizeof *a);
    n->first[row] = first;
  }
  if (last > n->last[row]) {
    memset(a + n->last[row], 0, (size_t)(last - n->last[row]) * sizeof *a);
    n->last[row] = last;
  }
}

INLINE void NAMED(touch)(alive_node *n, int rows) {
  if (n->is_touched) return;
  n->is_touched = 1;
  n->is_lined = 0;
  for (int r = 0; r < rows; r++) n->first[r] = n->last[r] = 0;
}

static void NAMED(through_dense)(
    cfb_work *w, alive_node *n, alive_node *source, const double *weights, int rows, int lines, double scalar_charge) {
  int first = n->count, last = 0, stride = (int)source->stride;
  for (int r = 0; r < rows; r++) {
    if (n->first[r] >= n->last[r]) continue;
    if (n->first[r] < first) first = n->first[r];
    if (n->last[r] > last) last = n->last[r];
  }
  if (last > n->count) last = n->count;
  if (first > last) first = last;
  for (int r = 0; r < rows; r++) NAMED(widen)(n, r, first, last);
  int accumulates = source->is_touched;
  if (accumulates) {
    for (int r = 0; r < rows; r++) NAMED(widen)(source, r, 0, stride);
  } else {
    NAMED(touch)(source, rows);
    for (int r = 0; r < rows; r++) {
      source->first[r] = 0;
      source->last[r] = stride;
    }
  }
  int left = stride / LANES;
  size_t at = 0;
  while (left > 0) {
    // Tiles of nearly equal widths: 5 is 3 + 2 and not 4 + 1.
    int tiles = (left + WIDE_TILE - 1) / WIDE_TILE, width = (left + tiles - 1) / tiles;
    switch (width) {
      case 1: NAMED(columns_1)(w, n, source, weights, rows, at, first, last, accumulates, lines, scalar_charge); break;
      case 2: NAMED(columns_2)(w, n, source, weights, rows, at, first, last, accumulates, lines, scalar_charge); break;
      case 3: NAMED(columns_3)(w, n, source, weights, rows, at, first, last, accumulates, lines, scalar_charge); break;
#if WIDE_TILE == 4
      default: NAMED(columns_4)(w, n, source, weights, rows, at, first, last, accumulates, lines, scalar_charge);
#endif
    }
    at += (size_t)width * LANES;
    left -= width;
  }
}

static void NAMED(through_sparse)(alive_node *n, alive_node *source, const alive_edge *edge, int is_input, int rows) {
  NAMED(touch)(source, rows);
  for (int r = 0; r < rows; r++) {
    const double *a = n->coefficients + (size_t)r * n->stride;
    int last = n->last[r] < n->count ? n->last[r] : n->count;
    int low = INT32_MAX, high = -1;
    for (int k = n->first[r]; k < last; k++) {
      int begin = edge->starts[n->row[k]], end = edge->starts[n->row[k] + 1];
      if (a[k] == 0 || begin == end) continue;
      if (edge->columns[begin] < low) low = edge->columns[begin];
      if (edge->columns[end - 1] > high) high = edge->columns[end - 1];
    }
    if (is_input) {
      low = 0;
      high = (int)source->stride - 1;
    }
    if (high < low) continue;
    NAMED(widen)(source, r, low / LANES * LANES, (high / LANES + 1) * LANES);
    double *out = source->coefficients + (size_t)r * source->stride;
    for (int k = n->first[r]; k < last; k++) {
      double y = a[k];
      if (y == 0) continue;
      for (int entry = edge->starts[n->row[k]]; entry < edge->starts[n->row[k] + 1]; entry++) {
        int column = edge->columns[entry];
        out[column] = out[column] + y * edge->values[entry];
      }
    }
  }
}

static void NAMED(apply_lines)(cfb_work *w, alive_node *n, int rows, double scalar_charge) {
  const V charge = NAMED(all)(scalar_charge);
  for (int r = 0; r < rows; r++) {
    double *a = n->coefficients + (size_t)r * n->stride;
    V c = NAMED(load)(w->constants + r * 8), e = NAMED(load)(w->errors + r * 8);
    for (int at = n->first[r]; at < n->last[r]; at += LANES) {
      NAMED(store)(a + at, NAMED(line)(NAMED(load)(a + at), n, (size_t)at, charge, &c, &e));
    }
    NAMED(store)(w->constants + r * 8, c);
    NAMED(store)(w->errors + r * 8, e);
  }
}

/// Takes rows whose coefficients stand on nodes below `top` back to the inputs and over the box (section 1.4): row
/// constants, estimates C and errors E.
static void NAMED(backward)(const cfb_problem *p, cfb_work *w, int rows, int top) {
  const double scalar_charge = p->scalar_charge;
  for (int s = top - 1; s > 0; s--) {
    alive_node *n = &w->nodes[s];
    if (!n->is_touched || n->count == 0) continue;
    if (!n->is_lined) NAMED(apply_lines)(w, n, rows, scalar_charge);
    const cfb_stage *stage = &p->stages[s];
    for (int j = 0; j < stage->edge_count; j++) {
      int from = stage->edges[j].source;
      alive_node *source = &w->nodes[from];
      if (source->count == 0) continue;
      int lines = from != 0 && w->last_reader[from] == s;
      if (stage->edges[j].dense) {
        NAMED(through_dense)(w, n, source, n->edges[j].dense, rows, lines, scalar_charge);
        if (lines) source->is_lined = 1;
      } else {
        NAMED(through_sparse)(n, source, &n->edges[j], from == 0, rows);
      }
    }
  }
  alive_node *in = &w->nodes[0];
  if (!in->is_touched) {
    NAMED(touch)(in, rows);
    for (int r = 0; r < rows; r++) NAMED(widen)(in, r, 0, (int)in->stride);
  }
  const V zero = NAMED(all)(0), charge = NAMED(all)(scalar_charge);
  for (int r = 0; r < rows; r++) {
    V c = NAMED(load)(w->constants + r * 8), e = NAMED(load)(w->errors + r * 8);
    if (in->first[r] >= in->last[r]) NAMED(widen)(in, r, 0, (int)in->stride);
    const double *a = in->coefficients + (size_t)r * in->stride;
    for (size_t at = 0; at < in->stride; at += LANES) {
      V x = NAMED(load)(a + at);
      V corner = x >= zero ? NAMED(load)(w->box_lower + at) : NAMED(load)(w->box_upper + at);
      c = MULTIPLY_ADD(x, corner, c);
      e = MULTIPLY_ADD(charge, NAMED(absolute)(x * corner), e);
    }
    double constant = NAMED(sum)(c), error = NAMED(sum)(e);
    double total = constant + w->start_constants[r];
    // C itself: the sum over lanes is charged term by term, the last addition and the lanes' tree here.
    error += w->start_errors[r] + p->unit * (4 * fabs(total) + 8 * fabs(constant) + 2 * fabs(w->start_constants[r]));
    w->row_estimates[r] = total;
    w->row_errors[r] = error;
    w->row_constants[r] = rounded_down(total, error, p->omega);
  }
}

INLINE void NAMED(clear_rows)(cfb_work *w, int rows, int top) {
  for (int s = 0; s < top; s++) w->nodes[s].is_touched = 0;
  for (int r = 0; r < rows * 8; r += LANES) {
    NAMED(store)(w->constants + r, NAMED(all)(0));
    NAMED(store)(w->errors + r, NAMED(all)(0));
  }
}

/// Copies the alive columns of a row of weights; the stride's rest becomes 0.
INLINE void NAMED(compact_row)(
    double *out, const double *row, const alive_node *source, int size, const uint64_t *unstable,
    const uint64_t *active) {
  (void)source;
  (void)active;
  if (!unstable) {
    for (int j = 0; j < size; j += LANES) NAMED(store)(out + j, NAMED(load)(row + j));
    return;
  }
#ifdef COMPRESSES
  int count = 0;
  for (int j = 0; j < size; j += 8) {
    __mmask8 alive = (__mmask8)((unstable[j >> 6] | active[j >> 6]) >> (j & 63));
    _mm512_storeu_pd(out + count, _mm512_maskz_compress_pd(alive, _mm512_loadu_pd(row + j)));
    count += __builtin_popcount(alive);
  }
  _mm512_storeu_pd(out + count, _mm512_setzero_pd());
#else
  for (int k = 0; k < source->count; k++) out[k] = row[source->neurons[k]];
  for (size_t k = (size_t)source->count; k < source->stride; k++) out[k] = 0;
#endif
}

/// Weights of the stage's candidate rows (unstable or active so far) over the alive neurons of its sources.
static int NAMED(gather)(const cfb_problem *p, cfb_work *w, uint64_t *entry, int s) {
  const cfb_stage *stage = &p->stages[s];
  alive_node *n = &w->nodes[s];
  int count = 0;
  if (stage->is_relu) {
    const uint64_t *unstable = cfb_entry_unstable(p, entry) + stage->word;
    const uint64_t *active = cfb_entry_active(p, entry) + stage->word;
    for (int word = 0; word * 64 < stage->size; word++) {
      for (uint64_t bits = unstable[word] | active[word]; bits; bits &= bits - 1) {
        n->neurons[count++] = word * 64 + __builtin_ctzll(bits);
      }
    }
  } else {
    for (; count < stage->size; count++) n->neurons[count] = count;
  }
  for (int j = 0; j < stage->edge_count; j++) {
    const cfb_edge *edge = &stage->edges[j];
    const cfb_stage *from = &p->stages[edge->source];
    const alive_node *source = &w->nodes[edge->source];
    const uint64_t *unstable = from->is_relu ? cfb_entry_unstable(p, entry) + from->word : NULL;
    const uint64_t *active = from->is_relu ? cfb_entry_active(p, entry) + from->word : NULL;
    if (edge->dense) {
      size_t stride = cfb_stride(from->size);
      for (int i = 0; i < count; i++) {
        NAMED(compact_row)(
            n->edges[j].dense + (size_t)i * source->stride, edge->dense + (size_t)n->neurons[i] * stride, source,
            from->size, unstable, active);
      }
      continue;
    }
    int at = 0;
    for (int i = 0; i < count; i++) {
      n->edges[j].starts[i] = at;
      for (int k = edge->starts[n->neurons[i]]; k < edge->starts[n->neurons[i] + 1]; k++) {
        int column = edge->columns[k];
        if (unstable) {
          if (!((unstable[column >> 6] | active[column >> 6]) >> (column & 63) & 1)) continue;
          column = source->position[column];
        }
        n->edges[j].columns[at] = column;
        n->edges[j].values[at++] = edge->values[k];
      }
    }
    n->edges[j].starts[count] = at;
  }
  return count;
}

/// Bounds of z for the unstable candidates: rows +z_j and -z_j, `list` holds candidate numbers.
static void NAMED(bound_stage)(const cfb_problem *p, cfb_work *w, int s, const int *list, int count) {
  const cfb_stage *stage = &p->stages[s];
  alive_node *n = &w->nodes[s];
  for (int begin = 0; begin < count; begin += w->pass_rows / 2) {
    int pairs = count - begin < w->pass_rows / 2 ? count - begin : w->pass_rows / 2;
    NAMED(clear_rows)(w, 2 * pairs, s);
    for (int i = 0; i < pairs; i++) {
      int j = n->neurons[list[begin + i]];
      // The rows' own weights are exact up to what v' charges for them; the bias starts the constant.
      w->start_constants[2 * i] = stage->bias[j];
      w->start_constants[2 * i + 1] = -stage->bias[j];
      w->start_errors[2 * i] = w->start_errors[2 * i + 1] = stage->charge[j];
    }
    for (int j = 0; j < stage->edge_count; j++) {
      alive_node *source = &w->nodes[stage->edges[j].source];
      if (source->count == 0) continue;
      NAMED(touch)(source, 2 * pairs);
      for (int i = 0; i < pairs; i++) {
        double *plus = source->coefficients + (size_t)(2 * i) * source->stride, *minus = plus + source->stride;
        if (stage->edges[j].dense) {
          const double *row = n->edges[j].dense + (size_t)list[begin + i] * source->stride;
          for (size_t at = 0; at < source->stride; at += LANES) {
            V x = NAMED(load)(row + at);
            NAMED(store)(plus + at, x);
            NAMED(store)(minus + at, -x);
          }
          source->first[2 * i] = source->first[2 * i + 1] = 0;
          source->last[2 * i] = source->last[2 * i + 1] = (int)source->stride;
          continue;
        }
        const alive_edge *edge = &n->edges[j];
        int from = edge->starts[list[begin + i]], to = edge->starts[list[begin + i] + 1];
        if (from == to) continue;
        int low = edge->columns[from] / LANES * LANES, high = (edge->columns[to - 1] / LANES + 1) * LANES;
        NAMED(widen)(source, 2 * i, low, high);
        NAMED(widen)(source, 2 * i + 1, low, high);
        for (int k = from; k < to; k++) {
          plus[edge->columns[k]] = edge->values[k];
          minus[edge->columns[k]] = -edge->values[k];
        }
      }
    }
    NAMED(backward)(p, w, 2 * pairs, s);
    for (int i = 0; i < pairs; i++) {
      int j = n->neurons[list[begin + i]];
      n->z_lower[j] = w->row_constants[2 * i];
      n->z_upper[j] = -w->row_constants[2 * i + 1];
    }
  }
}

/// Decides which candidates are alive, and their lines. Returns 0 if a bound is not finite or the two cross.
static int NAMED(seal)(const cfb_problem *p, cfb_work *w, uint64_t *entry, int s, int candidates) {
  const cfb_stage *stage = &p->stages[s];
  alive_node *n = &w->nodes[s];
  uint64_t *unstable = stage->is_relu ? cfb_entry_unstable(p, entry) + stage->word : NULL;
  uint64_t *active = stage->is_relu ? cfb_entry_active(p, entry) + stage->word : NULL;
  int count = 0;
  for (int i = 0; i < candidates; i++) {
    int j = n->neurons[i];
    double upper_slope = 1, lower_slope = 1, low = 0, high = 0;
    if (stage->is_relu && unstable[j >> 6] >> (j & 63) & 1) {
      double l = n->z_lower[j], u = n->z_upper[j];
      if (!isfinite(l) || !isfinite(u)) return 0;
      if (l >= 0) {
        unstable[j >> 6] &= ~(1ull << (j & 63));
        active[j >> 6] |= 1ull << (j & 63);
      } else if (u <= 0) {
        unstable[j >> 6] &= ~(1ull << (j & 63));
        continue;
      } else {
        // Any slopes in [0, 1] are valid; the intercept is made from the coefficients held.
        upper_slope = u / (u - l);
        if (!(upper_slope <= 1)) upper_slope = 1;
        lower_slope = u > -l ? 1 : 0;
        low = l;
        high = u;
      }
    }
    n->neurons[count] = j;
    n->position[j] = count;
    n->row[count] = i;
    n->upper_slope[count] = upper_slope;
    n->lower_slope[count] = lower_slope;
    n->low[count] = low;
    n->high[count] = high;
    n->bias[count] = stage->bias[j];
    n->charge[count] = stage->charge[j];
    if (i != count) {
      for (int k = 0; k < stage->edge_count; k++) {
        if (!stage->edges[k].dense) continue;
        size_t stride = w->nodes[stage->edges[k].source].stride;
        memcpy(n->edges[k].dense + count * stride, n->edges[k].dense + i * stride, stride * sizeof(double));
      }
    }
    count++;
  }
  n->count = count;
  n->stride = cfb_stride(count);
  for (size_t i = (size_t)count; i < n->stride; i++) {
    n->upper_slope[i] = n->lower_slope[i] = n->low[i] = n->high[i] = n->bias[i] = n->charge[i] = 0;
  }
  return 1;
}

/// Starts a row of the property on the alive neurons of its nodes.
INLINE void NAMED(seed)(const cfb_problem *p, cfb_work *w, uint64_t *entry, const cfb_row *row, int r, int rows) {
  w->start_constants[r] = row->constant;
  w->start_errors[r] = row->error;
  for (int k = row->first_seed; k < row->first_seed + row->seed_count; k++) {
    const cfb_seed *seed = &p->seeds[k];
    const cfb_stage *stage = &p->stages[seed->node];
    alive_node *n = &w->nodes[seed->node];
    int at = seed->neuron;
    if (stage->is_relu) {
      uint64_t alive = cfb_entry_unstable(p, entry)[stage->word + (at >> 6)]
          | cfb_entry_active(p, entry)[stage->word + (at >> 6)];
      if (!(alive >> (at & 63) & 1)) continue;
      at = n->position[at];
    }
    NAMED(touch)(n, rows);
    if (seed->node == 0) {
      NAMED(widen)(n, r, 0, (int)n->stride);
    } else {
      NAMED(widen)(n, r, at / LANES * LANES, (at / LANES + 1) * LANES);
    }
    n->coefficients[(size_t)r * n->stride + (size_t)at] = seed->coefficient;
  }
}

int NAMED(bound)(
    const cfb_problem *p, cfb_work *w, uint64_t *entry, double *lower, double *estimate, double *error,
    double *inputs) {
  memcpy(w->box_lower, cfb_entry_lower(p, entry), (size_t)p->inputs * sizeof(double));
  memcpy(w->box_upper, cfb_entry_upper(p, entry), (size_t)p->inputs * sizeof(double));
  for (int s = 1; s < p->nodes; s++) {
    int candidates = NAMED(gather)(p, w, entry, s), count = 0;
    if (p->stages[s].is_relu) {
      const uint64_t *unstable = cfb_entry_unstable(p, entry) + p->stages[s].word;
      for (int i = 0; i < candidates; i++) {
        int j = w->nodes[s].neurons[i];
        if (unstable[j >> 6] >> (j & 63) & 1) w->list[count++] = i;
      }
    }
    if (count) NAMED(bound_stage)(p, w, s, w->list, count);
    if (!NAMED(seal)(p, w, entry, s, candidates)) {
      for (int r = 0; r < p->rows; r++) lower[r] = estimate[r] = error[r] = NAN;
      memset(inputs, 0, (size_t)p->rows * cfb_stride(p->inputs) * sizeof(double));
      return 0;
    }
  }
  size_t stride = w->nodes[0].stride;
  for (int begin = 0; begin < p->rows; begin += w->pass_rows) {
    int rows = p->rows - begin < w->pass_rows ? p->rows - begin : w->pass_rows;
    NAMED(clear_rows)(w, rows, p->nodes);
    for (int r = 0; r < rows; r++) NAMED(seed)(p, w, entry, &p->row_list[begin + r], r, rows);
    NAMED(backward)(p, w, rows, p->nodes);
    for (int r = 0; r < rows; r++) {
      lower[begin + r] = w->row_constants[r];
      estimate[begin + r] = w->row_estimates[r];
      error[begin + r] = w->row_errors[r];
      memcpy(
          inputs + (size_t)(begin + r) * stride, w->nodes[0].coefficients + (size_t)r * stride,
          stride * sizeof(double));
    }
  }
  return 1;
}

void NAMED(evaluate)(const cfb_problem *p, cfb_work *w, const double *point) {
  memcpy(w->nodes[0].value, point, (size_t)p->inputs * sizeof(double));
  for (int s = 1; s < p->nodes; s++) {
    const cfb_stage *stage = &p->stages[s];
    alive_node *n = &w->nodes[s];
    memcpy(n->value, n->bias, n->stride * sizeof(double));
    for (int j = 0; j < stage->edge_count; j++) {
      const alive_node *source = &w->nodes[stage->edges[j].source];
      const alive_edge *edge = &n->edges[j];
      for (int i = 0; i < n->count; i++) {
        if (stage->edges[j].dense) {
          const double *row = edge->dense + (size_t)i * source->stride;
          V sum = NAMED(all)(0);
          for (size_t at = 0; at < source->stride; at += LANES) {
            sum = MULTIPLY_ADD(NAMED(load)(row + at), NAMED(load)(source->value + at), sum);
          }
          n->value[i] += NAMED(sum)(sum);
        } else {
          double sum = 0;
          for (int k = edge->starts[n->row[i]]; k < edge->starts[n->row[i] + 1]; k++) {
            sum += edge->values[k] * source->value[edge->columns[k]];
          }
          n->value[i] += sum;
        }
      }
    }
    if (stage->is_relu) {
      for (int i = 0; i < n->count; i++) n->value[i] = n->value[i] > 0 ? n->value[i] : 0;
    }
  }
}
