// Panels of binary64 numbers, [neuron][lane]: linear forms carried back through a network, points carried forward,
// intervals of affine neurons. A lane is one row on one part of the region; lanes come in multiples of 8.
//
// Every function may fuse multiplications and additions: the error terms that callers add hold for either.
#pragma once

#include <stdint.h>

enum { CBP_INPUT = 0, CBP_AFFINE = 1, CBP_FUNCTION = 2, CBP_PRODUCT = 3 };

// Neurons first ..< first + count, and how they follow from earlier ones.
typedef struct {
  int32_t kind;
  int64_t first, count;
  // Affine: rows in groups that hold the same columns, such as all outputs of a dense layer or all channels at one
  // place of a convolution: group g has the rows group_rows[group_starts[g] ..< group_starts[g + 1]], ascending.
  int64_t group_count;
  const int64_t *group_starts;
  const int32_t *group_rows;
  // Affine: rows as starts/columns/values, one bias and one error charge per neuron.
  const int64_t *starts;
  const int32_t *columns;
  const double *values;
  const double *bias;
  // All kinds: what a unit of the neuron's coefficient is charged; null: nothing.
  const double *charge;
  // Function: the first neuron of the operand layer; product: of both factors.
  int64_t left, right;
  // Function and product: the place of the first neuron's lines.
  int64_t lines;
} cbp_layer;

// Lines below and above each function (slope * z + intercept) and planes below and above each product
// (slope * x + second_slope * y + intercept). Entry i of lane k stands at
// [i * stride + k % stride]; the stride is 1 or a power of two from 8.
typedef struct {
  const double *lower_slope, *lower_intercept, *upper_slope, *upper_intercept;
  const double *lower_second, *upper_second;
  int64_t stride;
} cbp_lines;

// What is summed per lane on the way back: constant, sum of the absolute values of its terms, error.
typedef struct {
  double *constant, *magnitude, *error;
} cbp_sums;

// Carries the linear forms in `panel` from layer `top` down to the inputs. `touched` says which neurons' rows of the
// panel hold something. `charge[z]` is charged for every unit of a coefficient that a line passes to neuron z.
// Afterwards the panel holds the coefficients of all neurons that were reached. `scratch` has room for one int32 per
// neuron.
void cbp_backward(
    const cbp_layer *layers, int64_t top, int64_t lanes, double *panel, uint8_t *touched, const cbp_lines *lines,
    const double *charge, cbp_sums sums, int32_t *scratch);

// Adds the least value of the inputs' part over the box; writes the minimiser to `point` if that is not null. The box
// is [input * stride + lane % stride].
void cbp_concretize(
    int64_t inputs, int64_t lanes, const double *panel, const uint8_t *touched, const double *lower,
    const double *upper, int64_t stride, cbp_sums sums, double *point);

// Carries the points in `values` (inputs filled in) forward through the lines that the signs of the coefficients in
// `panel` choose, for all neurons that the pass back has touched, up to layer `top`; others become 0.
void cbp_forward(
    const cbp_layer *layers, int64_t top, int64_t lanes, const double *panel, const uint8_t *touched,
    const cbp_lines *lines, double *values);

// Lower and upper sums of an affine layer over intervals of its operands, and the sum of the terms' absolute values.
// All are [neuron * stride + lane].
void cbp_interval(
    const cbp_layer *layer, int64_t lanes, double *lower, double *upper, double *magnitude, const uint8_t *needed);
