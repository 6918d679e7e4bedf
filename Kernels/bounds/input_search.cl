// One round of a search by input splits for a small chain of dense affine layers and ReLUs, in binary64.
//
// One launch bounds every box of a frontier (all intermediate neurons, then the rows; backward linear bounds, Zhang et
// al. 2018), drops those that are proven, clips the others to where a clause may still hold, tries the minimiser of the
// row that decides, and pushes a split. Every bound carries its error: soundness.md 1.4 with u = 2^-53; E in `down`.
//
// 32 items serve one box, SUBS boxes share a work-group and a layer's weights in local memory. An item holds one neuron
// (two rows: lower and upper) while hidden layers are bounded, and columns while the rows are.
// Defines: LAYERS hidden layers, WIDTH neurons in the widest (others are padded by neurons that the root marks dead),
// INPUTS, ROWS (a multiple of 8), SUBS, SAFE (0 leaves errors out: for timing only).
//
// A frontier entry is a box (lows, highs), the axis to halve or -1, its depth, a seal that changes with every round,
// and for every layer two words of unstable and two of active neurons. Both halves share the entry.
// PoCL 3.1 miscompiles what follows a barrier inside a condition: here barriers stand in uniform loops only.
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#pragma OPENCL FP_CONTRACT OFF

#define QUADS ((WIDTH + 3) / 4)
#define PAD (4 * QUADS)
#define SEAL_WORD (4 * INPUTS + 2)
#define MASKS (4 * INPUTS + 3)
#define WORDS (MASKS + 4 * LAYERS)
#define ROW_WORDS (INPUTS + 1)   // of a row at the inputs: coefficients, bound
#define SUM_WORDS (INPUTS + 3)   // coefficients, constant, error, intercepts
#define AREA (64 * PAD > 8 * PAD + 768 ? 64 * PAD : 8 * PAD + 768)

#define U 1.1102230246251566e-16         // 2^-53 rounded up
#define GAMMA 9.4e-15                    // (1 + 2^-10) gamma(84), rounded up
#define FLOOR 0.2                        // of the greatest coefficient: a smaller one counts as much when axes compete

#ifdef GPU
#define UNROLL _Pragma("unroll")
#else
#define UNROLL
#endif

// What the host reads after a round.
enum { PUSHED, OVERFLOWN, STUCK, FOUND, PROVEN, SPLIT, UNSEALED, POPPED, LEAST };

// A line of ReLU: (upper slope, lower slope, l, u). Stable neurons have l = u = 0 and both slopes 0 or 1.
double4 line_of(double l, double u, uchar *state) {
  // Without finite bounds nothing is known: NaN spoils every bound that needs this neuron.
  if (!(isfinite(l) && isfinite(u))) { *state = 2; return (double4)(NAN, NAN, l, u); }
  if (l >= 0) { *state = 1; return (double4)(1, 1, 0, 0); }
  if (u <= 0) { *state = 0; return (double4)(0); }
  *state = 2;
  return (double4)(fmin(u / (u - l), 1.0), u > -l ? 1.0 : 0.0, l, u);
}

// a on h becomes y on z; the intercept that the held y needs joins `intercepts` (NaN reaches the constant through y).
double relu_step(double a, double4 line, double *intercepts) {
  const double y = a * (a >= 0 ? line.y : line.x);
  *intercepts += fmax(0.0, fmax(y * line.z, (y - a) * line.w));
  return y;
}

// c - e, rounded down; 1.001 pays for the roundings of e itself.
double down(double c, double e, double omega) {
#if SAFE
  const double x = c - 1.001 * e - omega;
  return x - (fabs(x) * 4.5e-16 + 1e-300);
#else
  return c;
#endif
}

double entry_double(const __local uint *entry, int index) {
  return as_double((uint2)(entry[2 * index], entry[2 * index + 1]));
}

// Indices of the flags that are not 0, ascending; each item writes those it owns. Returns their number.
int list_alive(const __local uchar *state, __local uchar *list, int lane) {
  int count = 0;
  for (int j = 0; j < WIDTH; ++j) {
    const int on = state[j] != 0;
    if (on && (j & 31) == lane) list[count] = (uchar)j;
    count += on;
  }
  return count;
}

// order: parity of the round, entries of this launch, halves per entry (1 at the start), capacity, rows, clauses, 1 for
// bounds only, seal of the entries read, first entry of this launch.
__kernel __attribute__((reqd_work_group_size(32 * SUBS, 1, 1)))
void search_round(
    const __global double4 *restrict weights,     // [LAYERS - 1][WIDTH][QUADS]
    const __global double *restrict transposed,   // [LAYERS - 1][WIDTH][64]
    const __global double *restrict first,        // [WIDTH][INPUTS]
    const __global double2 *restrict biases,      // [LAYERS][PAD] (bias, error per unit of coefficient)
    const __global double *restrict rows,         // [ROWS][64] over the last hidden layer
    const __global double2 *restrict constants,   // [ROWS] (constant, error)
    const __global int2 *restrict clauses,        // [ROWS] (clause, 1 if phi >= 0 suffices)
    const __global int *restrict order,
    __global uint *frontier,                      // [2][capacity][WORDS]
    volatile __global int *counters,
    __global double *found,                       // [16][INPUTS]
    __global double *bounds,                      // [boxes][ROWS], for bounds only
    const __global double *restrict least_error)  // an absolute error of every bound, for underflow
{
  __local double4 layer[WIDTH * QUADS];
  __local double2 layer_bias[PAD];
  __local double4 lines_[SUBS][LAYERS * PAD];
  __local double area_[SUBS][AREA];
  __local double at_inputs_[SUBS][ROWS * ROW_WORDS], box_[SUBS][2 * INPUTS], clip_[SUBS][2 * INPUTS], guide_[SUBS][INPUTS];
  __local uchar alive_[SUBS][LAYERS * PAD], state_[SUBS][LAYERS * PAD], open_[SUBS][PAD];
  __local uint entry_[SUBS][WORDS];
  __local int count_[SUBS], flag_[SUBS], slot_[SUBS];
  const double omega = least_error[0];
  const int item = get_local_id(0), sub = item >> 5, lane = item & 31;
  __local double4 *lines = lines_[sub];
  __local double *area = area_[sub], *at_inputs = at_inputs_[sub], *box = box_[sub], *guide = guide_[sub];
  __local uchar *state = state_[sub], *alive = alive_[sub], *open = open_[sub];
  __local uint *entry = entry_[sub];
  const int halves = order[2], capacity = order[3], row_count = order[4], clause_count = order[5];
  const int bounds_only = order[6];
  const uint seal = (uint)order[7], all_clauses = (1u << clause_count) - 1u;
  const __global uint *from = frontier + ((size_t)(order[0] & 1) * capacity + order[8]) * WORDS;
  __global uint *to = frontier + (size_t)(1 - (order[0] & 1)) * capacity * WORDS;
  const int boxes = halves * order[1];

  for (int group = get_group_id(0) * SUBS; group < boxes; group += get_num_groups(0) * SUBS) {
    const int id = group + sub, is_mine = id < boxes;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = lane; i < (is_mine ? WORDS : 0); i += 32) entry[i] = from[(size_t)(id / halves) * WORDS + i];
    barrier(CLK_LOCAL_MEM_FENCE);
    const int axis_read = is_mine ? (int)entry[4 * INPUTS] : -1;
    if (is_mine && lane < INPUTS) {
      double low = entry_double(entry, lane), high = entry_double(entry, INPUTS + lane);
      const double middle = 0.5 * low + 0.5 * high;
      if (lane == axis_read && halves == 2) {
        if (id & 1) low = middle; else high = middle;
      }
      box[lane] = low;
      box[INPUTS + lane] = high;
    }
    if (is_mine && lane == 0) {
      atomic_inc(&counters[POPPED]);
      // Also an entry to be halved whose axis is none: nothing but this program writes entries.
      if (entry[SEAL_WORD] != seal || axis_read >= INPUTS || (halves == 2 && axis_read < 0))
        atomic_inc(&counters[UNSEALED]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);

    int alive_count[LAYERS];
    // Layer 0: intervals, exact but for rounding.
    for (int j = lane; j < PAD; j += 32) {
      const int is_neuron = j < WIDTH;
      const uint unstable = is_mine && is_neuron ? (entry[MASKS + (j >> 5)] >> (j & 31)) & 1u : 0u;
      const uint active = is_mine && is_neuron ? (entry[MASKS + 2 + (j >> 5)] >> (j & 31)) & 1u : 0u;
      uchar now;
      double4 line = line_of(active ? 1.0 : -1.0, active ? 1.0 : -1.0, &now);
      if (unstable) {
        double low = 0, high = 0, low_error = 0, high_error = 0;
        for (int i = 0; i < INPUTS; ++i) {
          const double a = first[j * INPUTS + i];
          const double at_low = a >= 0 ? box[i] : box[INPUTS + i], at_high = a >= 0 ? box[INPUTS + i] : box[i];
          low = fma(a, at_low, low);
          high = fma(a, at_high, high);
          low_error = fma(fabs(a), fabs(at_low), low_error);
          high_error = fma(fabs(a), fabs(at_high), high_error);
        }
        const double2 b = biases[j];
        low += b.x;
        high += b.x;
        line = line_of(
            down(low, GAMMA * low_error + U * fabs(low) + b.y, omega),
            -down(-high, GAMMA * high_error + U * fabs(high) + b.y, omega), &now);
      }
      state[j] = now;
      lines[j] = line;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    alive_count[0] = list_alive(state, alive, lane);

    for (int t = 1; t < LAYERS; ++t) {
      // Stable neurons stay so in every part of the box; only those that were unstable are bounded again.
      for (int j = lane; j < PAD; j += 32) {
        const int is_neuron = is_mine && j < WIDTH, word = MASKS + 4 * t + (j >> 5);
        const uint unstable = is_neuron ? (entry[word] >> (j & 31)) & 1u : 0u;
        const uint active = is_neuron ? (entry[word + 2] >> (j & 31)) & 1u : 0u;
        uchar now;
        const double4 line = line_of(active ? 1.0 : -1.0, active ? 1.0 : -1.0, &now);
        lines[t * PAD + j] = line;
        state[t * PAD + j] = unstable ? 9 : now;
      }
      barrier(CLK_LOCAL_MEM_FENCE);
      int mine = 0;
      for (int j = 0; j < WIDTH; ++j) {
        const int on = state[t * PAD + j] == 9;
        if (on && (j & 31) == lane) open[mine] = (uchar)j;
        mine += on;
      }
      if (lane == 0) count_[sub] = mine;
      barrier(CLK_LOCAL_MEM_FENCE);
      int most = 0;
      for (int i = 0; i < SUBS; ++i) most = max(most, count_[i]);
      for (int start = 0; start < most; start += 32) {
        const int has_row = start + lane < mine, j = has_row ? open[start + lane] : 0, is_busy = start < mine;
        double c[2], e[2];
        c[0] = biases[t * PAD + j].x;
        c[1] = -c[0];
        e[0] = e[1] = biases[t * PAD + j].y;
        if (is_busy) {
          double dots[2] = {0, 0}, intercepts[2] = {0, 0};
          for (int i = 0; i < alive_count[t - 1]; ++i) {
            const int k = alive[(t - 1) * PAD + i];
            const double a = transposed[((t - 1) * WIDTH + k) * 64 + j];
            const double4 line = lines[(t - 1) * PAD + k];
            const double2 b = biases[(t - 1) * PAD + k];
            UNROLL
            for (int h = 0; h < 2; ++h) {
              const double y = relu_step(h ? -a : a, line, &intercepts[h]);
              dots[h] = fma(y, b.x, dots[h]);
              e[h] = fma(fabs(y), b.y, e[h]);
              area[i * 64 + h * 32 + lane] = y;
            }
          }
          UNROLL
          for (int h = 0; h < 2; ++h) {
            c[h] += dots[h];
            e[h] = fma(U, fabs(c[h]), e[h]);
            c[h] -= intercepts[h];
            e[h] = fma(U, fabs(c[h]), e[h]) + GAMMA * intercepts[h];
          }
        }
        for (int s = t - 1; s >= 1; --s) {
          barrier(CLK_LOCAL_MEM_FENCE);
          for (int i = item; i < WIDTH * QUADS; i += 32 * SUBS) layer[i] = weights[(s - 1) * WIDTH * QUADS + i];
          for (int i = item; i < PAD; i += 32 * SUBS) layer_bias[i] = biases[(s - 1) * PAD + i];
          barrier(CLK_LOCAL_MEM_FENCE);
          if (is_busy) {
            for (int h = 0; h < 2; ++h) {
              double4 sums[QUADS];
              UNROLL
              for (int q = 0; q < QUADS; ++q) sums[q] = (double4)(0);
              for (int i = 0; i < alive_count[s]; ++i) {
                const int k = alive[s * PAD + i];
                const double4 a = (double4)(area[i * 64 + h * 32 + lane]);
                UNROLL
                for (int q = 0; q < QUADS; ++q) sums[q] = fma(a, layer[k * QUADS + q], sums[q]);
              }
              double dot = 0, error = 0, intercept = 0;
              int place = lane + h * 32;
              UNROLL
              for (int q = 0; q < QUADS; ++q) {
                const double four[4] = {sums[q].x, sums[q].y, sums[q].z, sums[q].w};
                UNROLL
                for (int p = 0; p < 4; ++p) {
                  const int k = 4 * q + p;
                  if (state[(s - 1) * PAD + k]) {   // the same for all items of the box
                    const double2 b = layer_bias[k];
                    const double y = relu_step(four[p], lines[(s - 1) * PAD + k], &intercept);
                    dot = fma(y, b.x, dot);
                    error = fma(fabs(y), b.y, error);
                    area[place] = y;
                    place += 64;
                  }
                }
              }
              double sum = c[h] + dot, errors = e[h] + error;
              errors = fma(U, fabs(sum), errors);
              sum -= intercept;
              errors = fma(U, fabs(sum), errors) + GAMMA * intercept;
              c[h] = sum;
              e[h] = errors;
            }
          }
        }
        if (is_busy) {
          double limit[2];
          UNROLL
          for (int h = 0; h < 2; ++h) {
            double x[INPUTS];
            UNROLL
            for (int i = 0; i < INPUTS; ++i) x[i] = 0;
            for (int i = 0; i < alive_count[0]; ++i) {
              const int k = alive[i];
              const double a = area[i * 64 + h * 32 + lane];
              UNROLL
              for (int d = 0; d < INPUTS; ++d) x[d] = fma(a, first[k * INPUTS + d], x[d]);
            }
            double sum = 0, size = 0;
            UNROLL
            for (int d = 0; d < INPUTS; ++d) {
              const double at = x[d] >= 0 ? box[d] : box[INPUTS + d];
              sum = fma(x[d], at, sum);
              size = fma(fabs(x[d]), fabs(at), size);
            }
            const double total = c[h] + sum;
            limit[h] = down(total, fma(GAMMA, size, fma(U, fabs(total), e[h])), omega);
          }
          if (has_row) {
            uchar now;
            const double4 line = line_of(limit[0], -limit[1], &now);
            state[t * PAD + j] = now;
            lines[t * PAD + j] = line;
          }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
      }
      barrier(CLK_LOCAL_MEM_FENCE);
      alive_count[t] = list_alive(state + t * PAD, alive + t * PAD, lane);
    }

    // The rows, eight at a time: an item holds two columns of each.
    __local double *held = area, *parts = area + 8 * PAD;
    for (int start = 0; start < row_count; start += 8) {
      double c[8], e[8], p[8];
      UNROLL
      for (int r = 0; r < 8; ++r) c[r] = e[r] = p[r] = 0;
      for (int s = LAYERS - 1; s >= 0; --s) {
        double left[8], right[8];
        UNROLL
        for (int r = 0; r < 8; ++r) left[r] = right[r] = 0;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int i = item; i < (s < LAYERS - 1 ? WIDTH * QUADS : 0); i += 32 * SUBS)
          layer[i] = weights[s * WIDTH * QUADS + i];
        barrier(CLK_LOCAL_MEM_FENCE);
        const __local double *panel = (const __local double *)layer;
        if (s == LAYERS - 1) {
          UNROLL
          for (int r = 0; r < 8; ++r) {
            left[r] = rows[(start + r) * 64 + lane];
            right[r] = rows[(start + r) * 64 + 32 + lane];
          }
        } else {
          for (int i = 0; i < alive_count[s + 1]; ++i) {
            const int k = alive[(s + 1) * PAD + i];
            const double w0 = lane < PAD ? panel[k * PAD + lane] : 0, w1 = lane + 32 < PAD ? panel[k * PAD + 32 + lane] : 0;
            UNROLL
            for (int r = 0; r < 8; ++r) {
              const double y = held[i * 8 + r];
              left[r] = fma(y, w0, left[r]);
              right[r] = fma(y, w1, right[r]);
            }
          }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        // A column's place in the list of alive neurons is the number of alive ones before it.
        int before0 = 0, before1 = 0;
        for (int i = 0; i < alive_count[s]; ++i) {
          const int k = alive[s * PAD + i];
          before0 += k < lane;
          before1 += k < lane + 32;
        }
        const int in0 = lane < PAD, in1 = lane + 32 < PAD;
        const int k0 = s * PAD + (in0 ? lane : 0), k1 = s * PAD + (in1 ? lane + 32 : 0);
        const double4 none = (double4)(0);
        const double4 line0 = in0 ? lines[k0] : none, line1 = in1 ? lines[k1] : none;
        const double2 b0 = in0 ? biases[k0] : none.xy, b1 = in1 ? biases[k1] : none.xy;
        const int keeps0 = in0 && state[k0] != 0, keeps1 = in1 && state[k1] != 0;
        UNROLL
        for (int r = 0; r < 8; ++r) {
          const double y0 = relu_step(left[r], line0, &p[r]), y1 = relu_step(right[r], line1, &p[r]);
          c[r] = fma(y1, b1.x, fma(y0, b0.x, c[r]));
          e[r] = fma(fabs(y1), b1.y, fma(fabs(y0), b0.y, e[r]));
          if (keeps0) held[before0 * 8 + r] = y0;
          if (keeps1) held[before1 * 8 + r] = y1;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
      }
      UNROLL
      for (int r = 0; r < 8; ++r) {
        parts[lane * 24 + r] = c[r];
        parts[lane * 24 + 8 + r] = e[r];
        parts[lane * 24 + 16 + r] = p[r];
      }
      barrier(CLK_LOCAL_MEM_FENCE);
      // Four items for a row: each takes a quarter of the neurons of layer 0 and of the items' parts.
      double part[SUM_WORDS];
      {
        const int r = lane >> 2, quarter = lane & 3;
        UNROLL
        for (int d = 0; d < SUM_WORDS; ++d) part[d] = 0;
        for (int i = quarter; i < alive_count[0]; i += 4) {
          const int k = alive[i];
          const double y = held[i * 8 + r];
          UNROLL
          for (int d = 0; d < INPUTS; ++d) part[d] = fma(y, first[k * INPUTS + d], part[d]);
        }
        for (int i = 0; i < 8; ++i) {
          UNROLL
          for (int d = 0; d < 3; ++d) part[INPUTS + d] += parts[(8 * quarter + i) * 24 + 8 * d + r];
        }
      }
      barrier(CLK_LOCAL_MEM_FENCE);
      UNROLL
      for (int d = 0; d < SUM_WORDS; ++d) parts[lane * SUM_WORDS + d] = part[d];
      barrier(CLK_LOCAL_MEM_FENCE);
      if (lane < 8) {
        double sums[SUM_WORDS];
        UNROLL
        for (int d = 0; d < SUM_WORDS; ++d) {
          const __local double *four = parts + lane * 4 * SUM_WORDS + d;
          sums[d] = (four[0] + four[SUM_WORDS]) + (four[2 * SUM_WORDS] + four[3 * SUM_WORDS]);
        }
        double at_minimum = 0, size = 0;
        UNROLL
        for (int d = 0; d < INPUTS; ++d) {
          const double at = sums[d] >= 0 ? box[d] : box[INPUTS + d];
          at_minimum = fma(sums[d], at, at_minimum);
          size = fma(fabs(sums[d]), fabs(at), size);
          at_inputs[(start + lane) * ROW_WORDS + d] = sums[d];
        }
        const double2 start_sum = constants[start + lane];
        double total = sums[INPUTS] + start_sum.x;
        double error = sums[INPUTS + 1] + GAMMA * sums[INPUTS + 2] + start_sum.y;
        error = fma(U, fabs(total), error);
        total -= sums[INPUTS + 2];
        error = fma(U, fabs(total), error);
        total += at_minimum;
        error = fma(GAMMA, size, fma(U, fabs(total), error));
        at_inputs[(start + lane) * ROW_WORDS + INPUTS] = down(total, error, omega);
      }
      barrier(CLK_LOCAL_MEM_FENCE);
    }
    for (int r = lane; r < (bounds_only && is_mine ? row_count : 0); r += 32)
      bounds[(size_t)id * ROWS + r] = at_inputs[r * ROW_WORDS + INPUTS];

    // Which clauses are refuted, and the row that guides the split: the best row of the clause that is worst off.
    if (lane == 0) {
      uint proven = 0;
      for (int r = 0; r < row_count; ++r) {
        const double bound = at_inputs[r * ROW_WORDS + INPUTS];
        if (isfinite(bound) && (bound > 0 || (clauses[r].y && bound >= 0))) proven |= 1u << clauses[r].x;
      }
      double least = INFINITY;
      int guiding = 0;
      for (int k = 0; k < clause_count; ++k) {
        int best = -1;
        for (int r = 0; r < row_count; ++r) {
          const int better =
              best < 0 || at_inputs[r * ROW_WORDS + INPUTS] > at_inputs[best * ROW_WORDS + INPUTS];
          if (clauses[r].x == k && better) best = r;
        }
        const int counts = best >= 0 && !((proven >> k) & 1u);
        const double bound = counts ? at_inputs[best * ROW_WORDS + INPUTS] : INFINITY;
        if (counts && !(bound >= least)) {
          least = bound;
          guiding = best;
        }
      }
      for (int d = 0; d < INPUTS; ++d) guide[d] = at_inputs[guiding * ROW_WORDS + d];
      flag_[sub] = (int)proven;
      slot_[sub] = as_int((float)least);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    uint proven = (uint)flag_[sub];
    // A point of a clause that holds lies in the half-space of each of its rows; the hull over the clauses left.
    __local double *clip = clip_[sub];
    if (lane < INPUTS) {
      const double low = box[lane], high = box[INPUTS + lane];
      double least = INFINITY, most = -INFINITY;
      for (int k = 0; k < clause_count; ++k) {
        double l = low, u = high;
        for (int r = 0; r < row_count; ++r) {
          const double a = at_inputs[r * ROW_WORDS + lane], bound = at_inputs[r * ROW_WORDS + INPUTS];
          const double reach = -bound / fabs(a) * (1 + 1e-12) + 1e-290;
          const double end = a > 0 ? low + reach : high - reach, slack = fabs(end) * 1e-15;
          const int cuts = clauses[r].x == k && isfinite(bound) && isfinite(end) && a != 0;
          if (cuts && a > 0) u = fmin(u, end + slack);
          if (cuts && a < 0) l = fmax(l, end - slack);
        }
        if (!((proven >> k) & 1u)) {
          least = fmin(least, l);
          most = fmax(most, u);
        }
      }
      clip[lane] = fmax(low, least);
      clip[INPUTS + lane] = fmin(high, most);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int d = 0; d < INPUTS; ++d)
      if (clip[d] > clip[INPUTS + d]) proven = all_clauses;
    const int is_open = is_mine && !bounds_only && proven != all_clauses;
    if (lane < 2 * INPUTS && is_open) box[lane] = clip[lane];
    if (lane == 0) count_[sub] = is_open;
    barrier(CLK_LOCAL_MEM_FENCE);
    int any_open = 0;
    for (int i = 0; i < SUBS; ++i) any_open |= count_[i];

    // The minimiser of the guiding row: a plain forward pass says whether the host should look at it.
    __local double *h = area, *next = area + 64, *phi = area + 128;
    for (int j = lane; j < (any_open ? WIDTH : 0); j += 32) {
      double z = biases[j].x;
      for (int d = 0; d < INPUTS; ++d) z = fma(first[j * INPUTS + d], guide[d] >= 0 ? box[d] : box[INPUTS + d], z);
      h[j] = fmax(z, 0.0);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int s = 1; s < (any_open ? LAYERS : 1); ++s) {
      for (int j = lane; j < WIDTH; j += 32) {
        double z = biases[s * PAD + j].x;
        for (int k = 0; k < WIDTH; ++k) z = fma(transposed[((s - 1) * WIDTH + k) * 64 + j], h[k], z);
        next[j] = fmax(z, 0.0);
      }
      barrier(CLK_LOCAL_MEM_FENCE);
      __local double *swapped = h;
      h = next;
      next = swapped;
    }
    for (int r = lane; r < (any_open ? row_count : 0); r += 32) {
      double z = constants[r].x;
      for (int k = 0; k < WIDTH; ++k) z = fma(rows[r * 64 + k], h[k], z);
      phi[r] = z;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    if (is_mine && lane == 0) {
      int slot = -1, axis = -1;
      if (is_open) {
        uint misses = 0;
        for (int r = 0; r < row_count; ++r)
          if (!(phi[r] <= 0)) misses |= 1u << clauses[r].x;
        if (misses != all_clauses) {
          const int place = atomic_inc(&counters[FOUND]);
          if (place < 16)
            for (int d = 0; d < INPUTS; ++d) found[place * INPUTS + d] = guide[d] >= 0 ? box[d] : box[INPUTS + d];
        }
        double greatest = 1e-280, score = 0;
        for (int d = 0; d < INPUTS; ++d) greatest = fmax(greatest, fabs(guide[d]));
        for (int d = 0; d < INPUTS; ++d) {
          const double low = box[d], high = box[INPUTS + d], middle = 0.5 * low + 0.5 * high;
          const double gain = fmax(fabs(guide[d]), FLOOR * greatest) * (high - low);
          if (gain > score && middle > low && middle < high) {
            score = gain;
            axis = d;
          }
        }
        // Order-preserving: the host reads back the least bound of this round.
        const int bits = slot_[sub];
        atomic_min(&counters[LEAST], bits ^ ((bits >> 31) & 0x7fffffff));
        if (axis < 0) {
          atomic_inc(&counters[STUCK]);
        } else {
          atomic_inc(&counters[SPLIT]);
          slot = atomic_inc(&counters[PUSHED]);
          if (slot >= capacity) {
            slot = -1;
            atomic_inc(&counters[OVERFLOWN]);
          }
        }
      } else {
        atomic_inc(&counters[PROVEN]);
      }
      slot_[sub] = slot;
      flag_[sub] = axis;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    const int slot = slot_[sub];
    __global uint *pushed = to + (size_t)max(slot, 0) * WORDS;
    for (int i = lane; i < (is_open && slot >= 0 ? WORDS : 0); i += 32) {
      uint word = 0;
      if (i < 4 * INPUTS) {
        const uint2 two = as_uint2(box[i >> 1]);
        word = i & 1 ? two.y : two.x;
      } else if (i == 4 * INPUTS) {
        word = (uint)flag_[sub];
      } else if (i == 4 * INPUTS + 1) {
        word = entry[i] + 1;
      } else if (i == SEAL_WORD) {
        word = seal + 1;
      } else {
        const int field = i - MASKS, base = (field >> 2) * PAD, first_bit = (field & 1) * 32;
        const int last = min(first_bit + 32, WIDTH), want = field & 2 ? 1 : 2;
        for (int j = first_bit; j < last; ++j)
          if (state[base + j] == want) word |= 1u << (j - first_bit);
      }
      pushed[i] = word;
    }
  }
}
