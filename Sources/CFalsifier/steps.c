// Steps of the attacks on a box.
#include "cfalsifier.h"
#include "vectors.h"

INLINE float clamp(float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

VECTORS void cfalsifier_adam(
  size_t inputs, size_t lanes, size_t first, size_t last, float *x, const float *gradient, float *mean, float *square,
  const float *low, const float *high, float rate, float scale) {
  for (size_t i = 0; i < inputs; i++) {
    float width = high[i] - low[i];
    for (size_t k = i * lanes + first; k < i * lanes + last; k++) {
      float g = gradient[k] * width;
      g = g == g ? clamp(g, -1e18f, 1e18f) : 0;
      mean[k] = 0.9f * mean[k] + 0.1f * g;
      square[k] = 0.999f * square[k] + 0.001f * g * g;
      float step = rate * mean[k] / (__builtin_sqrtf(square[k] * scale) + 1e-20f);
      x[k] = clamp(x[k] - width * step, low[i], high[i]);
    }
  }
}

VECTORS void cfalsifier_sign_step(
  size_t inputs, size_t lanes, size_t first, size_t last, float *x, float *previous, const float *gradient,
  const float *low, const float *high, const float *steps, float momentum) {
  for (size_t i = 0; i < inputs; i++) {
    float width = high[i] - low[i];
    for (size_t lane = first; lane < last; lane++) {
      size_t k = i * lanes + lane;
      float g = gradient[k];
      float sign = (float)((g > 0) - (g < 0));
      float z = clamp(x[k] - steps[lane] * width * sign, low[i], high[i]);
      float next = x[k] + momentum * (z - x[k]) + (1 - momentum) * (x[k] - previous[k]);
      previous[k] = x[k];
      x[k] = clamp(next, low[i], high[i]);
    }
  }
}
