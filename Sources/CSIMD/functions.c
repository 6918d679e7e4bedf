// Functions of one number. Exponentials are computed in binary64 and rounded once, so that binary32 results are nearly
// always the correctly rounded ones; no product is contracted with a sum, so every instruction set gives the same bits.
#include "csimd.h"
#include "vectors.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

// exp(x) to about 1e-15: x = k ln 2 + r, |r| <= ln 2 / 2, Taylor polynomial of degree 13. NaN stays NaN; results beyond
// the range of binary64 saturate at numbers that round to 0 and infinity in binary32.
INLINE double exponential(double x) {
  double bounded = x < -700 ? -700 : x;
  bounded = bounded > 700 ? 700 : bounded;
  double shifted = bounded * 0x1.71547652b82fep0 + 0x1.8p52;
  double k = shifted - 0x1.8p52;
  double r = bounded - k * 0x1.62e42fee00000p-1 - k * 0x1.a39ef35793c76p-33;
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  uint64_t bits;
  memcpy(&bits, &shifted, 8);
  bits = (bits + 1023) << 52;
  double scale;
  memcpy(&scale, &bits, 8);
  return x == x ? p * scale : x;
}

// exp(x) - 1 and tanh(x), with the leading terms of their series where the difference would cancel.
INLINE double exponential_less_one(double x) {
  double series = x + 0.5 * x * x;
  return fabs(x) < 1e-5 ? series : exponential(x) - 1;
}

INLINE double hyperbolic_tangent(double x) {
  return fabs(x) < 1e-5 ? x : 1 - 2 / (exponential(2 * x) + 1);
}

#define LOOP(EXPRESSION)                \
  for (size_t i = 0; i < count; i++) {  \
    float n = x[i];                     \
    y[i] = (float)(EXPRESSION);         \
  }                                     \
  return;

VECTORS void csimd_unary(csimd_unary_operation operation, const float *x, float *y, size_t count, float a, float b) {
  switch (operation) {
    case CSIMD_RELU: LOOP(n < 0 ? 0 : n)
    case CSIMD_ABS: LOOP(fabsf(n))
    case CSIMD_NEGATE: LOOP(-n)
    case CSIMD_SQRT: LOOP(sqrtf(n))
    case CSIMD_RECIPROCAL: LOOP(1 / n)
    case CSIMD_ROUND: LOOP(rintf(n))
    case CSIMD_FLOOR: LOOP(floorf(n))
    case CSIMD_CEIL: LOOP(ceilf(n))
    case CSIMD_SIGN: LOOP(n > 0 ? 1 : n < 0 ? -1 : n)
    case CSIMD_LEAKY: LOOP(n < 0 ? a * n : n)
    case CSIMD_CLIP: LOOP(n < a ? a : n > b ? b : n)
    case CSIMD_AFFINE: LOOP(fmaf(a, n, b))
    case CSIMD_EXP: LOOP(exponential(n))
    case CSIMD_SIGMOID: LOOP(1 / (1 + exponential(-(double)n)))
    case CSIMD_TANH: LOOP(hyperbolic_tangent(n))
    case CSIMD_ELU: LOOP(n < 0 ? (double)a * exponential_less_one(n) : (double)n)
    case CSIMD_SQUARE: LOOP(n * n)
  }
}

VECTORS void csimd_softmax(const float *x, float *y, size_t count) {
  float greatest[16];
  for (int j = 0; j < 16; j++) greatest[j] = x[0];
  size_t whole = count / 16 * 16;
  for (size_t i = 0; i < whole; i += 16) {
    for (size_t j = 0; j < 16; j++) greatest[j] = x[i + j] > greatest[j] ? x[i + j] : greatest[j];
  }
  for (size_t i = whole; i < count; i++) greatest[0] = x[i] > greatest[0] ? x[i] : greatest[0];
  for (int j = 1; j < 16; j++) greatest[0] = greatest[j] > greatest[0] ? greatest[j] : greatest[0];
  // A NaN in the row makes some power NaN, and so the sum and every quotient.
  double shift = greatest[0], sums[8] = {0};
  double powers[256];
  for (size_t at = 0; at < count; at += 256) {
    size_t length = count - at < 256 ? count - at : 256;
    for (size_t i = 0; i < length; i++) powers[i] = exponential(x[at + i] - shift);
    for (size_t i = length; i % 8; i++) powers[i] = 0;
    for (size_t i = 0; i < length; i += 8) {
      for (size_t j = 0; j < 8; j++) sums[j] += powers[i + j];
    }
  }
  double sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  for (size_t i = 0; i < count; i++) y[i] = (float)(exponential(x[i] - shift) / sum);
}
