// The two passes for one precision and instruction set; included with REAL, INT, LANES, TILE, FMA, PACK and UNPACK
// defined. Vectors are clang's, so that one text serves all instruction sets.

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(x) JOIN(x, SUFFIX)
#define INLINE static inline __attribute__((always_inline))
#define VECTORS 3
#define ITEMS (LANES * VECTORS)
#define V NAME(reals)
#define M NAME(masks)
#define D NAME(doubles)
#define UNROLL _Pragma("clang loop unroll(full)")

typedef REAL V __attribute__((ext_vector_type(LANES)));
typedef INT M __attribute__((ext_vector_type(LANES)));
typedef double D __attribute__((ext_vector_type(LANES)));

INLINE V NAME(load)(const REAL *p) { return *(const V *)p; }
INLINE void NAME(store)(REAL *p, V x) { *(V *)p = x; }
INLINE V NAME(larger)(V a, V b) { return a > b ? a : b; }

enum { NAME(rows), NAME(ends), NAME(points) };

// sum[j] += panel[k][j] * operand[index[k]] for TILE neurons; operands are rows of the state, box ends or points.
INLINE void NAME(multiply)(
    V sum[TILE][VECTORS], const int32_t *index, const REAL *panel, int from, int to, int kind, const REAL *values,
    const uint16_t *choice, const REAL *box) {
  for (int k = from; k < to; k++) {
    V a[VECTORS];
    const size_t row = (size_t)index[k];
    UNROLL for (int v = 0; v < VECTORS; v++) {
      if (kind == NAME(ends)) {
        const M upper = UNPACK(choice[row * VECTORS + v]);
        a[v] = upper ? (V)(box[2 * row + 1]) : (V)(box[2 * row]);
      } else {
        a[v] = NAME(load)(values + row * ITEMS + LANES * v);
      }
    }
    const REAL *w = panel + (size_t)CGATHER_BLOCK * k;
    UNROLL for (int j = 0; j < TILE; j++) {
      const V b = (V)(w[j]);
      UNROLL for (int v = 0; v < VECTORS; v++) sum[j][v] = FMA(a[v], b, sum[j][v]);
    }
  }
}

typedef struct {
  D constant[VECTORS], error[VECTORS], magnitude[VECTORS];
} NAME(totals);

// Adds a block's private sums in binary64 (soundness.md 1.4, "C itself"; D is the length of a private sum).
INLINE void NAME(fold)(NAME(totals) * totals, const V *c, const V *e, int rigor) {
  UNROLL for (int v = 0; v < VECTORS; v++) {
    const D sum = __builtin_convertvector(c[v], D);
    totals->constant[v] += sum;
    if (rigor) {
      totals->magnitude[v] += __builtin_elementwise_abs(sum);
      totals->error[v] += __builtin_convertvector(e[v], D);
    }
  }
}

// The ReLU step of an unstable neuron (soundness.md 1.4): the coefficient of the operand for the coefficient a of the
// output; adds the intercept to c and its error to e.
INLINE V NAME(relax)(V a, V p, M mark, int marked, const REAL *line, V relative, V *c, V *e, int rigor) {
  // a >= 0: any y in [0, a]; a < 0: any y in [a, 0]. Slopes lie in [0, 1] and rounding is monotone.
  const V slope = a >= (V)(0) ? p : (V)(line[2]);
  V y = a * slope;
  // The least valid intercept, from the numbers held; 0 where a >= 0, since then 0 <= y <= a and l < 0 < u.
  const V P = NAME(larger)(NAME(larger)(y * (V)(line[0]), (y - a) * (V)(line[1])), (V)(0));
  if (!marked) {
    *c -= P;
    if (rigor) *e = FMA(relative, P, *e);
    return y;
  }
  const M isFree = mark == (M)(0), isActive = mark == (M)(1);
  const V cost = isFree ? P : (V)(0);
  *c -= cost;
  if (rigor) *e = FMA(relative, cost, *e);
  // Active: any y <= a; inactive: any y >= 0. fl(a - beta) <= a, beta >= 0.
  const V split = isActive ? a - p : p;
  return isFree ? y : split;
}

INLINE void NAME(backwardBlock)(
    const cgather_unit *unit, int block, const cgather_state *state, const REAL *starts, V relative,
    NAME(totals) * totals, int rigor) {
  const V zero = (V)(0);
  REAL *const y = state->y;
  V a[CGATHER_BLOCK][VECTORS];
  const int local = CGATHER_BLOCK * block;
  const size_t row = (size_t)(unit->first_row + local);
  const int from = unit->back_starts[block], to = unit->back_starts[block + 1];
  for (int h = 0; h < CGATHER_BLOCK; h += TILE) {
    V sum[TILE][VECTORS];
    UNROLL for (int j = 0; j < TILE; j++) {
      UNROLL for (int v = 0; v < VECTORS; v++) {
        sum[j][v] = starts ? NAME(load)(starts + (size_t)(local + h + j) * ITEMS + LANES * v) : zero;
      }
    }
    NAME(multiply)(
        sum, unit->back_index, (const REAL *)unit->back_panel + h, from, to, NAME(rows), y, NULL, NULL);
    UNROLL for (int j = 0; j < TILE; j++) {
      UNROLL for (int v = 0; v < VECTORS; v++) a[h + j][v] = sum[j][v];
    }
  }
  V c[VECTORS], e[VECTORS];
  UNROLL for (int v = 0; v < VECTORS; v++) c[v] = e[v] = zero;
  if (unit->is_input) {
    const REAL *box = unit->box;
    REAL *const inputs = state->inputs;
    for (int j = 0; j < CGATHER_BLOCK; j++) {
      const REAL *sides = box + 2 * (local + j);
      UNROLL for (int v = 0; v < VECTORS; v++) {
        // a.x with x = lower end where a >= 0, else upper end; NaN takes the upper end and reaches the sum.
        const M upper = ~(a[j][v] >= zero);
        state->choice[(local + j) * VECTORS + v] = (uint16_t)PACK(upper);
        if (inputs) {
          NAME(store)(inputs + (size_t)(local + j) * ITEMS + LANES * v, a[j][v]);
          continue;
        }
        const V x = upper ? (V)(sides[1]) : (V)(sides[0]);
        c[v] = FMA(a[j][v], x, c[v]);
        if (rigor) e[v] = FMA(relative, __builtin_elementwise_abs(a[j][v] * x), e[v]);
      }
    }
  } else {
    const int unstable = unit->unstable[block], passing = unit->passing[block];
    const int marked = state->marked[unit->first_block + block];
    const M *const marks = (const M *)((const INT *)state->marks + (size_t)(unit->first_block + block) * ITEMS);
    const REAL *lines = (const REAL *)unit->lines + 4 * local, *bias = (const REAL *)unit->bias + 2 * local;
    size_t slot = (size_t)unit->first_slot[block];
    for (int j = 0; j < CGATHER_BLOCK; j++) {
      if (!((unstable | passing) >> j & 1)) {
        UNROLL for (int v = 0; v < VECTORS; v++) NAME(store)(y + (row + j) * ITEMS + LANES * v, zero);
        continue;
      }
      const int isUnstable = unstable >> j & 1;
      UNROLL for (int v = 0; v < VECTORS; v++) {
        V next = a[j][v];
        if (isUnstable) {
          const size_t place = slot * ITEMS + LANES * v;
          const V p = NAME(load)((const REAL *)state->parameters + place);
          NAME(store)((REAL *)state->coefficients + place, next);
          if (marked) {
            const M mark = (marks[v] >> (2 * j)) & (M)(3);
            next = NAME(relax)(next, p, mark, 1, lines + 4 * j, relative, &c[v], &e[v], rigor);
          } else {
            next = NAME(relax)(next, p, (M)(0), 0, lines + 4 * j, relative, &c[v], &e[v], rigor);
          }
        }
        // + S(a.b), and + S(|a|.v') for all roundings of the affine map.
        c[v] = FMA(next, (V)(bias[2 * j]), c[v]);
        if (rigor) e[v] = FMA(__builtin_elementwise_abs(next), (V)(bias[2 * j + 1]), e[v]);
        NAME(store)(y + (row + j) * ITEMS + LANES * v, next);
      }
      slot += (size_t)isUnstable;
    }
  }
  NAME(fold)(totals, c, e, rigor);
}

INLINE void NAME(backwardPass)(
    const cgather_unit *units, int count, const cgather_state *state, double relative, cgather_sums sums, int rigor) {
  NAME(totals) totals;
  UNROLL for (int v = 0; v < VECTORS; v++) {
    totals.constant[v] = totals.error[v] = totals.magnitude[v] = (D)(0);
  }
  for (int k = count - 1; k >= 0; k--) {
    const REAL *starts = state->starts[k];
    for (int block = 0; block < units[k].blocks; block++) {
      NAME(backwardBlock)(&units[k], block, state, starts, (V)((REAL)relative), &totals, rigor);
    }
  }
  for (int v = 0; v < VECTORS; v++) {
    for (int i = 0; i < LANES; i++) {
      sums.constant[v * LANES + i] = totals.constant[v][i];
      sums.error[v * LANES + i] = totals.error[v][i];
      sums.magnitude[v * LANES + i] = totals.magnitude[v][i];
    }
  }
}

static void NAME(backward)(
    const cgather_unit *units, int count, const cgather_state *state, double relative, cgather_sums sums) {
  if (relative > 0) {
    NAME(backwardPass)(units, count, state, relative, sums, 1);
  } else {
    NAME(backwardPass)(units, count, state, 0, sums, 0);
  }
}

// One unstable neuron in the forward pass: its value for the operand z, and a step of Adam on its parameter.
// df/dalpha = a z where a > 0, df/dbeta = -s z (soundness.md section 3).
INLINE V NAME(ascend)(
    V z, size_t place, const cgather_state *state, M mark, int marked, const REAL *line, const cgather_adam *adam,
    M improved, int anyImproved) {
  REAL *const parameters = (REAL *)state->parameters + place, *const m1 = (REAL *)state->moments1 + place,
              *const m2 = (REAL *)state->moments2 + place;
  const V zero = (V)(0);
  const V a = NAME(load)((const REAL *)state->coefficients + place);
  const V p = NAME(load)(parameters);
  if (anyImproved) {
    REAL *const best = (REAL *)state->best + place;
    NAME(store)(best, improved ? p : NAME(load)(best));
  }
  const M isPositive = a >= zero;
  V value = isPositive ? p * z : FMA((V)(line[2]), z, (V)(line[3]));
  V gradient = isPositive ? a * z : zero;
  V rate = (V)((REAL)(adam->slope_rate * adam->correction1));
  const M isFree = mark == (M)(0);
  if (marked) {
    const M isActive = mark == (M)(1);
    const V exact = isActive ? z : zero;
    value = isFree ? value : exact;
    const V direction = isActive ? -z : z;
    gradient = isFree ? gradient : direction;
    rate = isFree ? rate : (V)((REAL)(adam->multiplier_rate * adam->correction1));
  }
  V first = NAME(load)(m1), second = NAME(load)(m2);
  first = FMA((V)((REAL)0.1), gradient - first, first);
  second = FMA((V)((REAL)0.001), gradient * gradient - second, second);
  NAME(store)(m1, first);
  NAME(store)(m2, second);
  const V size = __builtin_elementwise_sqrt(second * (V)((REAL)adam->correction2)) + (V)((REAL)1e-8);
  V next = NAME(larger)(p + rate * first / size, zero);
  const V capped = next < (V)(1) ? next : (V)(1);
  next = marked ? (isFree ? capped : next) : capped;
  NAME(store)(parameters, next);
  return value;
}

static void NAME(forward)(
    const cgather_unit *units, int count, const cgather_state *state, const uint8_t *improved, cgather_adam adam) {
  M mask[VECTORS];
  int any[VECTORS];
  for (int v = 0; v < VECTORS; v++) {
    any[v] = 0;
    for (int i = 0; i < LANES; i++) {
      mask[v][i] = improved[v * LANES + i] ? -1 : 0;
      any[v] |= improved[v * LANES + i];
    }
  }
  REAL *const y = state->y;
  const REAL *const box = units[0].box, *const points = state->inputs;
  for (int k = 1; k < count; k++) {
    const cgather_unit *unit = &units[k];
    for (int block = 0; block < unit->blocks; block++) {
      V z[CGATHER_BLOCK][VECTORS];
      const int local = CGATHER_BLOCK * block;
      const size_t row = (size_t)(unit->first_row + local);
      const int from = unit->fore_starts[block], middle = unit->fore_middles[block];
      const int to = unit->fore_starts[block + 1];
      const REAL *lines = (const REAL *)unit->lines + 4 * local, *bias = (const REAL *)unit->bias + 2 * local;
      for (int h = 0; h < CGATHER_BLOCK; h += TILE) {
        V sum[TILE][VECTORS];
        UNROLL for (int j = 0; j < TILE; j++) {
          UNROLL for (int v = 0; v < VECTORS; v++) sum[j][v] = (V)(bias[2 * (h + j)]);
        }
        const REAL *panel = (const REAL *)unit->fore_panel + h;
        if (from < middle) {
          if (points) {
            NAME(multiply)(sum, unit->fore_index, panel, from, middle, NAME(points), points, NULL, NULL);
          } else {
            NAME(multiply)(sum, unit->fore_index, panel, from, middle, NAME(ends), NULL, state->choice, box);
          }
        }
        NAME(multiply)(sum, unit->fore_index, panel, middle, to, NAME(rows), y, NULL, NULL);
        UNROLL for (int j = 0; j < TILE; j++) {
          UNROLL for (int v = 0; v < VECTORS; v++) z[h + j][v] = sum[j][v];
        }
      }
      const int unstable = unit->unstable[block], passing = unit->passing[block];
      const int marked = state->marked[unit->first_block + block];
      const M *const marks = (const M *)((const INT *)state->marks + (size_t)(unit->first_block + block) * ITEMS);
      size_t slot = (size_t)unit->first_slot[block];
      for (int j = 0; j < CGATHER_BLOCK; j++) {
        const int isUnstable = unstable >> j & 1, isPassing = passing >> j & 1;
        UNROLL for (int v = 0; v < VECTORS; v++) {
          V value = isPassing ? z[j][v] : (V)(0);
          if (isUnstable) {
            const size_t place = slot * ITEMS + LANES * v;
            if (marked) {
              const M mark = (marks[v] >> (2 * j)) & (M)(3);
              value = NAME(ascend)(z[j][v], place, state, mark, 1, lines + 4 * j, &adam, mask[v], any[v]);
            } else {
              value = NAME(ascend)(z[j][v], place, state, (M)(0), 0, lines + 4 * j, &adam, mask[v], any[v]);
            }
          }
          NAME(store)(y + (row + j) * ITEMS + LANES * v, value);
        }
        slot += (size_t)isUnstable;
      }
    }
  }
}

static const cgather_loops NAME(loops) = {
    ISA_NAME, ITEMS, VECTORS, sizeof(REAL) == 8, NAME(backward), NAME(forward),
};

#undef REAL
#undef INT
#undef LANES
#undef TILE
#undef FMA
#undef PACK
#undef UNPACK
#undef SUFFIX
#undef V
#undef M
#undef D
