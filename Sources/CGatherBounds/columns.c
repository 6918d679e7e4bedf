// Items into and out of the layout [place][item].
#include "cgather.h"

void cgather_take(
    const void *rows, int is_wide, int items, int lanes, int64_t count, const int32_t *places, float *out) {
  for (int64_t i = 0; i < count; i++) {
    const size_t first = (size_t)places[i] * (size_t)items;
    if (is_wide) {
      const double *row = (const double *)rows + first;
      for (int lane = 0; lane < lanes; lane++) out[lane * count + i] = (float)row[lane];
    } else {
      const float *row = (const float *)rows + first;
      for (int lane = 0; lane < lanes; lane++) out[lane * count + i] = row[lane];
    }
  }
}

static inline float unit(float x) { return x > 0 ? (x < 1 ? x : 1) : 0; }

void cgather_put(
    void *rows, int is_wide, int items, int lanes, int64_t count, const int32_t *places, const float *const *columns,
    const float *defaults) {
  for (int64_t i = 0; i < count; i++) {
    const size_t first = (size_t)places[i] * (size_t)items;
    if (is_wide) {
      double *row = (double *)rows + first;
      for (int lane = 0; lane < lanes; lane++) row[lane] = unit(columns[lane] ? columns[lane][i] : defaults[i]);
    } else {
      float *row = (float *)rows + first;
      for (int lane = 0; lane < lanes; lane++) row[lane] = unit(columns[lane] ? columns[lane][i] : defaults[i]);
    }
  }
}

void cgather_scores(int64_t count, const float *factors, float *out) {
  for (int64_t i = 0; i < count; i++) out[i] = (out[i] < 0 ? -out[i] : 0) * factors[i];
}

void cgather_corner(
    const cgather_state *state, int lane, int items, int vectors, int64_t count, const int32_t *input_rows,
    const double *lower, const double *upper, double *out) {
  const int lanes = items / vectors, vector = lane / lanes, bit = lane % lanes;
  for (int64_t i = 0; i < count; i++) {
    const int takes_upper = state->choice[(size_t)input_rows[i] * (size_t)vectors + (size_t)vector] >> bit & 1;
    out[i] = takes_upper ? upper[i] : lower[i];
  }
}
