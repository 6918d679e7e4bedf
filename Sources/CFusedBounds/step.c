// What happens to one box of an input-split search: bound, candidate, clip, choice of the axis.
#include "work.h"

#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#pragma STDC FP_CONTRACT OFF

static int bound(
    const cfb_problem *p, cfb_work *w, uint64_t *entry, double *lower, double *estimate, double *error,
    double *inputs) {
#if defined(__x86_64__)
  // Round to nearest, nothing flushed: the proof of every bound rests on it.
  unsigned state = _mm_getcsr();
  _mm_setcsr(0x1f80);
  int result;
  switch (w->level) {
    case CFB_AVX512: result = bound_avx512(p, w, entry, lower, estimate, error, inputs); break;
    case CFB_AVX2: result = bound_avx2(p, w, entry, lower, estimate, error, inputs); break;
    default: result = bound_portable(p, w, entry, lower, estimate, error, inputs);
  }
  _mm_setcsr(state);
  return result;
#else
  return bound_portable(p, w, entry, lower, estimate, error, inputs);
#endif
}

int cfb_bound(
    const cfb_problem *p, cfb_work *w, uint64_t *entry, double *lower, double *estimate, double *inputs) {
  return bound(p, w, entry, lower, estimate, w->error, inputs);
}

/// phi of a row at the point whose values the nodes hold, rounded to nearest.
static double value_of_row(const cfb_problem *p, const cfb_work *w, const uint64_t *entry, const cfb_row *row) {
  double sum = row->constant;
  const uint64_t *unstable = entry + 1 + 2 * (size_t)p->inputs, *active = unstable + p->words;
  for (int k = row->first_seed; k < row->first_seed + row->seed_count; k++) {
    const cfb_seed *seed = &p->seeds[k];
    const alive_node *n = &w->nodes[seed->node];
    int at = seed->neuron;
    const cfb_stage *stage = &p->stages[seed->node];
    if (stage->is_relu) {
      int word = stage->word + (at >> 6);
      if (!((unstable[word] | active[word]) >> (at & 63) & 1)) continue;
      at = n->position[at];
    }
    sum += seed->coefficient * n->value[at];
  }
  return sum;
}

static int is_forbidden(double value, int is_strict) { return is_strict ? value < 0 : value <= 0; }

/// Whether evaluation in binary64 finds all rows of some clause violated and the point within the half-spaces.
static int is_candidate(const cfb_problem *p, const cfb_work *w, const uint64_t *entry, const double *point) {
  for (int i = 0; i < p->input_rows; i++) {
    double sum = p->input_row_list[i].constant;
    for (int d = 0; d < p->inputs; d++) sum += p->input_row_list[i].coefficients[d] * point[d];
    if (!(sum <= 0)) return 0;
  }
  // Rows of a clause stand together.
  int r = 0;
  for (int c = 0; c < p->clauses; c++) {
    int all = 1;
    for (; r < p->rows && p->row_list[r].clause == c; r++) {
      if (all && !is_forbidden(value_of_row(p, w, entry, &p->row_list[r]), p->row_list[r].is_strict)) all = 0;
    }
    if (all) return 1;
  }
  return 0;
}

/// The corner where a linear form is least, moved to binary32 numbers within the region where there are any.
static void corner(const cfb_problem *p, const cfb_work *w, const double *coefficients, double *point) {
  for (int d = 0; d < p->inputs; d++) {
    double x = coefficients[d] >= 0 ? w->box_lower[d] : w->box_upper[d];
    float single = (float)x;
    if (single > p->root_upper[d]) single = nextafterf(single, -INFINITY);
    if (single < p->root_lower[d]) single = nextafterf(single, INFINITY);
    point[d] = single >= p->root_lower[d] && single <= p->root_upper[d] ? single : x;
  }
}

/// Cuts lower ..< upper of axis d by phi(x) >= bound + |a| times the distance from the corner where the linear form is
/// least (section 1.7): points with phi <= 0 lie within -bound / |a| of that corner, rounded outward.
static void cut(const cfb_work *w, int d, double a, double bound, double *lower, double *upper) {
  if (!(bound <= 0) || a == 0 || !isfinite(a) || !isfinite(bound)) return;
  double distance = -bound / fabs(a);
  distance = distance * (1 + 0x1p-50) + 0x1p-1000;
  if (a > 0) {
    double end = w->box_lower[d] + distance;
    end = end + (fabs(end) * 0x1p-51 + 0x1p-1000);
    if (end < *upper) *upper = end;
  } else {
    double end = w->box_upper[d] - distance;
    end = end - (fabs(end) * 0x1p-51 + 0x1p-1000);
    if (end > *lower) *lower = end;
  }
}

enum { CLIP_NONE, CLIP_SOME, CLIP_ALL };

/// Replaces the entry's box by the hull of what the rows leave of it for each clause that is not refuted.
static int clip(const cfb_problem *p, cfb_work *w, uint64_t *entry) {
  double *lower = cfb_entry_lower(p, entry), *upper = cfb_entry_upper(p, entry);
  size_t stride = cfb_stride(p->inputs);
  double kept = 1;
  int gap = 0;
  for (int d = 0; d < p->inputs; d++) {
    if (!(lower[d] < upper[d])) continue;
    double low = INFINITY, high = -INFINITY;
    int r = 0;
    for (int c = 0; c < p->clauses; c++) {
      double l = lower[d], u = upper[d];
      for (; r < p->rows && p->row_list[r].clause == c; r++) {
        cut(w, d, w->inputs[(size_t)r * stride + (size_t)d], w->lower[r], &l, &u);
      }
      if (w->is_refuted[c]) continue;
      if (l < low) low = l;
      if (u > high) high = u;
    }
    if (low > high) {
      // Empty only by more than the rounding of another evaluation; otherwise both ends stay.
      if (low - high > 0x1p-30 * (upper[d] - lower[d])) gap = 1;
      double swap = low;
      low = high;
      high = swap;
    }
    w->clip_lower[d] = low > lower[d] ? low : lower[d];
    w->clip_upper[d] = high < upper[d] ? high : upper[d];
    if (!(w->clip_lower[d] <= w->clip_upper[d])) {
      w->clip_lower[d] = lower[d];
      w->clip_upper[d] = upper[d];
    }
    kept *= (w->clip_upper[d] - w->clip_lower[d]) / (upper[d] - lower[d]);
  }
  if (gap) return CLIP_ALL;
  if (!(kept < 0.95)) return CLIP_NONE;
  for (int d = 0; d < p->inputs; d++) {
    if (!(lower[d] < upper[d])) continue;
    lower[d] = w->clip_lower[d];
    upper[d] = w->clip_upper[d];
  }
  return CLIP_SOME;
}

/// The smallest that an input row can be on the box, rounded down; cuts the box where the row exceeds 0.
/// Returns 0 if nothing is left.
static int apply_input_rows(const cfb_problem *p, uint64_t *entry) {
  double *lower = cfb_entry_lower(p, entry), *upper = cfb_entry_upper(p, entry);
  for (int i = 0; i < p->input_rows; i++) {
    const cfb_input_row *row = &p->input_row_list[i];
    double least = row->constant, magnitude = fabs(row->constant);
    for (int d = 0; d < p->inputs; d++) {
      double a = row->coefficients[d], term = a == 0 ? 0 : a * (a > 0 ? lower[d] : upper[d]);
      least += term;
      magnitude += fabs(term);
    }
    // Each term passes at most inputs + 2 roundings.
    least -= magnitude * (p->inputs + 4) * 0x1p-52 + row->error + 0x1p-1000;
    if (least > 0) return 0;
    if (!isfinite(least)) continue;
    for (int d = 0; d < p->inputs; d++) {
      double a = row->coefficients[d];
      if (a == 0) continue;
      double distance = -least / fabs(a) * (1 + 0x1p-50) + 0x1p-1000;
      if (a > 0) {
        double end = lower[d] + distance;
        end = end + (fabs(end) * 0x1p-51 + 0x1p-1000);
        if (end < upper[d]) upper[d] = end;
      } else {
        double end = upper[d] - distance;
        end = end - (fabs(end) * 0x1p-51 + 0x1p-1000);
        if (end > lower[d]) lower[d] = end;
      }
      if (!(lower[d] <= upper[d])) return 0;
    }
  }
  return 1;
}

/// Whether every unproven clause is proven but for its error, and at the evaluated point the margin of one of them is
/// within the error: then no part that holds the point can ever be proven, and halving would not end.
static int is_below_error(const cfb_problem *p, const cfb_work *w, const uint64_t *entry) {
  int r = 0, hopeless = 0;
  for (int c = 0; c < p->clauses; c++) {
    double estimate = -INFINITY;
    int within = 1;
    for (; r < p->rows && p->row_list[r].clause == c; r++) {
      if (w->is_refuted[c]) continue;
      if (w->estimate[r] > estimate) estimate = w->estimate[r];
      if (!(value_of_row(p, w, entry, &p->row_list[r]) <= w->error[r])) within = 0;
    }
    if (w->is_refuted[c]) continue;
    if (!(estimate > 0)) return 0;
    hopeless |= within;
  }
  return hopeless;
}

/// The axis along which halving promises most: sensitivity times width, where a coefficient of the worst clause's best
/// row counts as the sensitivity with a floor. -1 if no axis is wide enough.
static void choose_axis(const cfb_problem *p, uint64_t *entry, const double *a, cfb_result *result) {
  const double *lower = cfb_entry_lower(p, entry), *upper = cfb_entry_upper(p, entry);
  double largest = 0, score = 0;
  for (int d = 0; d < p->inputs; d++) {
    if (a && lower[d] < upper[d] && fabs(a[d]) > largest) largest = fabs(a[d]);
  }
  result->axis = -1;
  for (int d = 0; d < p->inputs; d++) {
    double width = upper[d] - lower[d], middle = 0.5 * lower[d] + 0.5 * upper[d];
    // Wide enough that the halves differ from the whole by more than rounding.
    double end = fabs(lower[d]) > fabs(upper[d]) ? fabs(lower[d]) : fabs(upper[d]);
    if (!(width > end * 0x1p-48) || !(middle > lower[d] && middle < upper[d])) continue;
    double sensitivity = a && largest > 0 ? fmax(fabs(a[d]), p->score_floor * largest) : 1;
    if (result->axis < 0 || sensitivity * width > score) {
      score = sensitivity * width;
      result->axis = d;
      result->middle = middle;
    }
  }
}

void cfb_step(const cfb_problem *p, cfb_work *w, uint64_t *entry, cfb_result *result, double *point) {
  memset(result, 0, sizeof *result);
  double *lower = cfb_entry_lower(p, entry), *upper = cfb_entry_upper(p, entry);
  if ((p->clips & CFB_CLIPS_INPUTS) && !apply_input_rows(p, entry)) {
    result->status = CFB_OUTSIDE;
    return;
  }
  int finite = bound(p, w, entry, w->lower, w->estimate, w->error, w->inputs);
  // Clauses that are refuted, and the one whose best row is worst.
  int r = 0, worst_row = -1, refuted = 0;
  double worst = INFINITY;
  for (int c = 0; c < p->clauses; c++) {
    int best = -1;
    w->is_refuted[c] = 0;
    for (; r < p->rows && p->row_list[r].clause == c; r++) {
      double x = w->lower[r] - (p->error_factor - 1) * w->error[r];
      // A strict row needs phi >= 0 only; NaN compares false.
      if (isfinite(w->lower[r]) && (x > 0 || (p->row_list[r].is_strict && x >= 0))) w->is_refuted[c] = 1;
      if (best < 0 || w->lower[r] > w->lower[best]) best = r;
    }
    refuted += w->is_refuted[c];
    if (w->is_refuted[c] || best < 0) continue;
    if (worst_row < 0 || w->lower[best] < worst) {
      worst = w->lower[best];
      worst_row = best;
    }
  }
  result->bound = worst;
  if (refuted == p->clauses && finite) {
    result->status = CFB_PROVEN;
    return;
  }
  if (!finite) {
    // Smaller boxes may have finite bounds; the middle of the widest axis is as good as any.
    worst_row = -1;
  }
  const double *a = worst_row < 0 ? NULL : w->inputs + (size_t)worst_row * cfb_stride(p->inputs);
  if (finite) {
    if (a) {
      corner(p, w, a, point);
    } else {
      for (int d = 0; d < p->inputs; d++) point[d] = lower[d];
    }
    switch (w->level) {
#if defined(__x86_64__)
      case CFB_AVX512: evaluate_avx512(p, w, point); break;
      case CFB_AVX2: evaluate_avx2(p, w, point); break;
#endif
      default: evaluate_portable(p, w, point);
    }
    result->is_candidate = is_candidate(p, w, entry, point);
    if (!result->is_candidate && is_below_error(p, w, entry)) {
      result->status = CFB_BELOW_ERROR;
      return;
    }
    if (p->clips & CFB_CLIPS_ROWS) {
      int kind = clip(p, w, entry);
      if (kind == CLIP_ALL) {
        result->status = CFB_EMPTIED;
        return;
      }
      result->is_clipped = kind == CLIP_SOME;
    }
  }
  choose_axis(p, entry, a, result);
  if (result->axis < 0 && result->is_clipped) {
    // A bound just below 0 leaves a point of the box; its own bounds would be better, so the whole box is halved.
    memcpy(lower, w->box_lower, (size_t)p->inputs * sizeof(double));
    memcpy(upper, w->box_upper, (size_t)p->inputs * sizeof(double));
    result->is_clipped = 0;
    choose_axis(p, entry, a, result);
  }
  result->status = result->axis >= 0 ? CFB_SPLIT : finite ? CFB_TOO_NARROW : CFB_NOT_FINITE;
}
