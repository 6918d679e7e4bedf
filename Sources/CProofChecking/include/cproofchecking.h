// The inner loop of the proof checker: rows pushed backwards through a network in binary64, eight at a time.
#pragma once
#include <stdint.h>

/// How many rows one pass carries.
enum { CPROOF_LANES = 8 };

enum { CPROOF_INPUT = 0, CPROOF_AFFINE = 1, CPROOF_RELU = 2, CPROOF_FUNCTION = 3, CPROOF_PRODUCT = 4 };

/// A layer's neurons are first ..< first + count.
typedef struct {
  int32_t kind;
  int64_t first, count;
  /// First neuron of the operand (RELU, FUNCTION) or of both operands (PRODUCT).
  int64_t left, right;
} cproof_layer;

/// What a pass reads. Arrays are indexed by neuron unless said otherwise.
typedef struct {
  const cproof_layer *layers;
  /// Affine rows: neuron j has the entries starts[j] ..< starts[j + 1].
  const int64_t *starts;
  const int32_t *columns;
  const double *values;
  const double *bias;
  /// What a coefficient of size 1 at neuron j costs in error when it passes the neuron's relation.
  const double *charge;
  /// What a contribution of size 1 that a function or product adds to neuron k costs in error.
  const double *gain;
  /// Bounds of all neurons on the part.
  const double *lower, *upper;
  /// Four numbers for every function neuron: slope and intercept of the lower line, then of the upper line; for every
  /// product neuron (six numbers) both slopes and the constant of the lower plane, then of the upper one.
  const double *lines;
  /// For every function or product neuron (ReLU included) an index into `lane_lines`, or -1; NULL if none has one.
  const int32_t *lane_index;
  /// For each index six times eight numbers: those of `lines`, one for each lane. ReLU reads the first eight only.
  const double *lane_lines;
} cproof_network;

/// Pushes eight rows from the neurons of layers 0 ... `from` back to those of layers 0 ... `to` (0: the inputs).
///
/// On entry coefficients[8 j + lane] holds the rows, all neurons of layers 0 ... from. On return the coefficients of the
/// neurons i of layers 0 ... to stand there, and for every lane, with h the true values of the network at any x of the
/// part,
///   row(x) >= sum_i coefficients[i] h_i + constant - (rounding of `constant`) - error,
/// where each number that was added to `constant` was also added to `size` by its magnitude (affine biases: charged by
/// `charge` instead). Overflow and NaN show in constant, size or error.
void cproof_backward(
    const cproof_network *network, int64_t from, int64_t to, double *coefficients, double *constant, double *size,
    double *error);

/// The least value of sum_i coefficients[i] x_i over a box, added to `sum`, its terms' magnitudes to `size`.
void cproof_concretise(
    const double *coefficients, const double *lower, const double *upper, int64_t count, double *sum, double *size);
