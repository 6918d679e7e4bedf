// Elementary functions and products on panels, with their derivatives.
#include "cfalsifier.h"
#include "vectors.h"

#include <math.h>

#define EACH for (size_t i = 0; i < count; i++)

INLINE float power(float x, int n) {
  float result = 1;
  for (int i = 0; i < n; i++) result *= x;
  return result;
}

// The exponential stops growing at 1e30: the quotients of a softmax then stay finite, with finite gradients.
INLINE float exponential(float x) { return expf(x < 69 ? x : 69); }

VECTORS static void relu(size_t count, const float *x, float *y) { EACH y[i] = x[i] > 0 ? x[i] : 0; }

void cfalsifier_apply(enum cfalsifier_function function, int exponent, size_t count, const float *x, float *y) {
  switch (function) {
  case CFALSIFIER_RELU: relu(count, x, y); break;
  case CFALSIFIER_SIGN: EACH y[i] = (float)((x[i] > 0) - (x[i] < 0)); break;
  case CFALSIFIER_SIGMOID: EACH y[i] = 1 / (1 + expf(-x[i])); break;
  case CFALSIFIER_TANH: EACH y[i] = tanhf(x[i]); break;
  case CFALSIFIER_EXPONENTIAL: EACH y[i] = exponential(x[i]); break;
  case CFALSIFIER_LOGARITHM: EACH y[i] = logf(x[i]); break;
  case CFALSIFIER_SQUARE_ROOT: EACH y[i] = sqrtf(x[i]); break;
  case CFALSIFIER_RECIPROCAL: EACH y[i] = 1 / x[i]; break;
  case CFALSIFIER_SINE: EACH y[i] = sinf(x[i]); break;
  case CFALSIFIER_COSINE: EACH y[i] = cosf(x[i]); break;
  case CFALSIFIER_POWER: EACH y[i] = power(x[i], exponent); break;
  case CFALSIFIER_GELU: EACH y[i] = 0.5f * x[i] * (1 + erff(x[i] * 0.70710678f)); break;
  case CFALSIFIER_ERROR_FUNCTION: EACH y[i] = erff(x[i]); break;
  case CFALSIFIER_FLOOR: EACH y[i] = floorf(x[i]); break;
  case CFALSIFIER_STEP: EACH y[i] = x[i] >= 0; break;
  }
}

VECTORS static void relu_adjoint(size_t count, const float *x, const float *dy, float *dx) {
  EACH dx[i] += x[i] > 0 ? dy[i] : 0;
}

static void surrogate_adjoint(size_t count, const float *x, const float *dy, float *dx) {
  double sum = 0;
  EACH sum += fabsf(x[i]);
  float s = count > 0 && sum > 0 ? (float)(sum / (double)count) : 1;
  EACH {
    float d = 1 + fabsf(x[i]) / s;
    dx[i] += dy[i] / (s * d * d);
  }
}

void cfalsifier_apply_adjoint(
  enum cfalsifier_function function, int exponent, size_t count, const float *x, const float *y, const float *dy,
  float *dx) {
  switch (function) {
  case CFALSIFIER_RELU: relu_adjoint(count, x, dy, dx); break;
  case CFALSIFIER_SIGN:
  case CFALSIFIER_STEP: surrogate_adjoint(count, x, dy, dx); break;
  case CFALSIFIER_SIGMOID: EACH dx[i] += y[i] * (1 - y[i]) * dy[i]; break;
  case CFALSIFIER_TANH: EACH dx[i] += (1 - y[i] * y[i]) * dy[i]; break;
  case CFALSIFIER_EXPONENTIAL: EACH dx[i] += y[i] * dy[i]; break;
  case CFALSIFIER_LOGARITHM: EACH dx[i] += dy[i] / x[i]; break;
  case CFALSIFIER_SQUARE_ROOT: EACH dx[i] += y[i] > 0 ? 0.5f * dy[i] / y[i] : 0; break;
  case CFALSIFIER_RECIPROCAL:
    EACH dx[i] -= y[i] * (fabsf(y[i]) < 1e-3f ? copysignf(1e-3f, y[i]) : y[i]) * dy[i];
    break;
  case CFALSIFIER_SINE: EACH dx[i] += cosf(x[i]) * dy[i]; break;
  case CFALSIFIER_COSINE: EACH dx[i] -= sinf(x[i]) * dy[i]; break;
  case CFALSIFIER_POWER: EACH dx[i] += (float)exponent * power(x[i], exponent - 1) * dy[i]; break;
  case CFALSIFIER_GELU:
    EACH dx[i] += (0.5f * (1 + erff(x[i] * 0.70710678f)) + x[i] * 0.39894228f * expf(-0.5f * x[i] * x[i])) * dy[i];
    break;
  case CFALSIFIER_ERROR_FUNCTION: EACH dx[i] += 1.1283792f * expf(-x[i] * x[i]) * dy[i]; break;
  case CFALSIFIER_FLOOR: EACH dx[i] += dy[i]; break;
  }
}

VECTORS void cfalsifier_product(size_t count, const float *a, const float *b, float *y) { EACH y[i] = a[i] * b[i]; }

// Not vectorised across possible aliasing: a square has both factors in one place.
void cfalsifier_product_adjoint(
  size_t count, const float *a, const float *b, const float *dy, float *da, float *db) {
  EACH {
    da[i] += b[i] * dy[i];
    db[i] += a[i] * dy[i];
  }
}
