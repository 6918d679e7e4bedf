// Loops over rows: broadcast arithmetic, sums, extremes, normalisation, votes. Partial sums are interleaved in a fixed
// way, whatever the vector length, so that every instruction set gives the same bits.
#include "csimd.h"
#include "vectors.h"

#include <math.h>

#pragma STDC FP_CONTRACT OFF

INLINE float larger(float x, float y) { return x != x ? x : y > x || y != y ? y : x; }
INLINE float smaller(float x, float y) { return x != x ? x : y < x || y != y ? y : x; }

#define STRIDED(EXPRESSION, LEFT, RIGHT)      \
  for (size_t i = 0; i < count; i++) {        \
    float a = left[LEFT], b = right[RIGHT];   \
    y[i] = EXPRESSION;                        \
  }
#define LOOP(EXPRESSION)                                         \
  if (left_stride == 1 && right_stride == 1) {                   \
    STRIDED(EXPRESSION, i, i)                                    \
  } else if (left_stride == 1 && right_stride == 0) {            \
    STRIDED(EXPRESSION, i, 0)                                    \
  } else if (left_stride == 0 && right_stride == 1) {            \
    STRIDED(EXPRESSION, 0, i)                                    \
  } else {                                                       \
    STRIDED(EXPRESSION, i * left_stride, i * right_stride)       \
  }                                                              \
  return;

VECTORS void csimd_binary(
    csimd_binary_operation operation, const float *left, size_t left_stride, const float *right, size_t right_stride,
    float *y, size_t count) {
  switch (operation) {
    case CSIMD_ADD: LOOP(a + b)
    case CSIMD_SUBTRACT: LOOP(a - b)
    case CSIMD_MULTIPLY: LOOP(a * b)
    case CSIMD_DIVIDE: LOOP(a / b)
    case CSIMD_MINIMUM: LOOP(smaller(a, b))
    case CSIMD_MAXIMUM: LOOP(larger(a, b))
  }
}

VECTORS void csimd_scale_shift(const float *x, const float *scale, const float *shift, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = x[i] * scale[i] + shift[i];
}

VECTORS void csimd_add_into(float *restrict y, const float *restrict x, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] += x[i];
}

VECTORS void csimd_maximum_into(float *restrict y, const float *restrict x, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = larger(y[i], x[i]);
}

VECTORS void csimd_minimum_into(float *restrict y, const float *restrict x, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = smaller(y[i], x[i]);
}

VECTORS void csimd_maximum_uint8_into(uint8_t *restrict y, const uint8_t *restrict x, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = x[i] > y[i] ? x[i] : y[i];
}

VECTORS void csimd_maximum_int8_into(int8_t *restrict y, const int8_t *restrict x, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = x[i] > y[i] ? x[i] : y[i];
}

VECTORS void csimd_maximum_windows(
    const float *restrict x, float *restrict y, size_t channels, size_t outputs, const int32_t *first,
    const int32_t *count) {
  for (size_t j = 0; j < outputs; j++, y += channels) {
    const float *column = x + (size_t)first[j] * channels;
    for (size_t c = 0; c < channels; c++) y[c] = column[c];
    for (int32_t i = 1; i < count[j]; i++) {
      column += channels;
      for (size_t c = 0; c < channels; c++) y[c] = larger(y[c], column[c]);
    }
  }
}

VECTORS float csimd_sum(const float *x, size_t count) {
  float sums[32] = {0};
  size_t whole = count / 32 * 32;
  for (size_t i = 0; i < whole; i += 32) {
    for (size_t j = 0; j < 32; j++) sums[j] += x[i + j];
  }
  for (size_t i = whole; i < count; i++) sums[i - whole] += x[i];
  for (size_t half = 16; half; half /= 2) {
    for (size_t j = 0; j < half; j++) sums[j] += sums[j + half];
  }
  return sums[0];
}

VECTORS void csimd_normalize(
    const float *x, const float *scale, const float *shift, float *y, size_t count, double epsilon) {
  double sums[8] = {0};
  size_t whole = count / 8 * 8;
  for (size_t i = 0; i < whole; i += 8) {
    for (size_t j = 0; j < 8; j++) sums[j] += x[i + j];
  }
  for (size_t i = whole; i < count; i++) sums[i - whole] += x[i];
  double mean = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  mean /= (double)count;
  for (size_t j = 0; j < 8; j++) sums[j] = 0;
  for (size_t i = 0; i < whole; i += 8) {
    for (size_t j = 0; j < 8; j++) sums[j] += (x[i + j] - mean) * (x[i + j] - mean);
  }
  for (size_t i = whole; i < count; i++) sums[i - whole] += (x[i] - mean) * (x[i] - mean);
  double variance = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  double factor = 1 / sqrt(variance / (double)count + epsilon);
  for (size_t i = 0; i < count; i++) {
    double normal = (x[i] - mean) * factor;
    y[i] = (float)(normal * (scale ? scale[i] : 1.0f) + (shift ? shift[i] : 0.0f));
  }
}

VECTORS int32_t csimd_arg_max(const float *x, size_t count) {
  float greatest = x[0];
  int nan = 0;
  for (size_t i = 0; i < count; i++) {
    nan |= x[i] != x[i];
    greatest = x[i] > greatest ? x[i] : greatest;
  }
  if (nan) return -1;
  for (size_t i = 0; i < count; i++) {
    if (x[i] == greatest) return (int32_t)i;
  }
  return -1;
}
