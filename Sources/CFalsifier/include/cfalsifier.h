// Inner loops of the falsifier: values and gradients of many inputs at once, in binary32, rounded in any way.
//
// A panel holds `lanes` numbers (16 or 32, one for each input that is tried) for every neuron: [neuron][lane].
#pragma once

#include <stddef.h>
#include <stdint.h>

// The order of ElementaryFunction.
enum cfalsifier_function {
  CFALSIFIER_RELU,
  CFALSIFIER_SIGN,
  CFALSIFIER_SIGMOID,
  CFALSIFIER_TANH,
  CFALSIFIER_EXPONENTIAL,
  CFALSIFIER_LOGARITHM,
  CFALSIFIER_SQUARE_ROOT,
  CFALSIFIER_RECIPROCAL,
  CFALSIFIER_SINE,
  CFALSIFIER_COSINE,
  CFALSIFIER_POWER,
  CFALSIFIER_GELU,
  CFALSIFIER_ERROR_FUNCTION,
  CFALSIFIER_FLOOR,
  CFALSIFIER_STEP,
};

// Sparse rows: row j has the entries starts[j]..<starts[j + 1], whose columns are neurons.
struct cfalsifier_rows {
  size_t count;
  const intptr_t *starts;
  const int32_t *columns;
  const float *values;
  const float *bias;
};

// out[j] = bias[j] + sum over entries of value * panel[column]. `out` is row 0's place in the same panel.
void cfalsifier_affine(const struct cfalsifier_rows *rows, const float *panel, float *out, size_t lanes);

// panel[column] += value * gradient[j], for all entries of rows whose gradient is not 0 in all lanes.
void cfalsifier_affine_adjoint(
  const struct cfalsifier_rows *rows, const float *gradient, float *panel, size_t lanes);

// y = f(x), for count numbers.
void cfalsifier_apply(enum cfalsifier_function function, int exponent, size_t count, const float *x, float *y);

// dx += f'(x) dy. The step functions (sign, step, floor) have a surrogate: 1 for floor, and 1 / (s (1 + |x| / s)^2) for
// the others, s the mean of |x| over the `count` numbers (straight-through estimate). So has the reciprocal where it is
// below 1/1000: 1/1000 of the logarithm's derivative, or a saturated softmax would show no way.
void cfalsifier_apply_adjoint(
  enum cfalsifier_function function, int exponent, size_t count, const float *x, const float *y, const float *dy,
  float *dx);

// y = a b, and da += b dy, db += a dy.
void cfalsifier_product(size_t count, const float *a, const float *b, float *y);
void cfalsifier_product_adjoint(
  size_t count, const float *a, const float *b, const float *dy, float *da, float *db);

// One step of Adam down the gradient for the lanes [first, last), in units of each input's width; the result is cut to
// [low, high]; gradients that are not numbers count as 0. `rate` includes the correction of the first moment, `scale`
// that of the second.
void cfalsifier_adam(
  size_t inputs, size_t lanes, size_t first, size_t last, float *x, const float *gradient, float *mean, float *square,
  const float *low, const float *high, float rate, float scale);

// One step of APGD (Croce & Hein 2020, algorithm 1) with sign steps for the lanes [first, last): z = P(x - step sign g),
// x' = P(x + momentum (z - x) + (1 - momentum) (x - previous)); previous becomes x. Steps are in units of each width.
void cfalsifier_sign_step(
  size_t inputs, size_t lanes, size_t first, size_t last, float *x, float *previous, const float *gradient,
  const float *low, const float *high, const float *steps, float momentum);
