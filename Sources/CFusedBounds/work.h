// Scratch memory of one thread, shared by the passes for all instruction sets.
#pragma once
#include "cfusedbounds.h"

#define INLINE static inline __attribute__((always_inline))

/// Weights of an edge between the neurons that are alive in a subproblem.
typedef struct {
  /// [candidate row][stride of alive columns] for a dense edge.
  double *dense;
  /// Compressed rows over alive columns for a sparse edge, a row for each candidate.
  int32_t *starts;
  int32_t *columns;
  double *values;
} alive_edge;

/// The lines of a stage's alive neurons: h >= lower slope z and h <= upper slope (z - l) or so, in compact order.
typedef struct {
  int32_t count;
  size_t stride;
  /// Neuron numbers, ascending, and the inverse for alive neurons.
  int32_t *neurons;
  int32_t *position;
  /// Candidate row of each alive neuron (sparse edges are not moved after sealing).
  int32_t *row;
  double *upper_slope, *lower_slope, *low, *high, *bias, *charge;
  /// Bounds by neuron number.
  double *z_lower, *z_upper;
  alive_edge *edges;
  /// Coefficients of the rows of a pass, [row][stride], and the range of columns that may differ from 0.
  double *coefficients;
  int32_t *first, *last;
  int32_t is_touched, is_lined;
  /// Values of the alive neurons at a point.
  double *value;
} alive_node;

struct cfb_work {
  int level;
  int32_t pass_rows;
  alive_node *nodes;
  /// For each node the lowest stage that reads it: the last to add to its coefficients.
  int32_t *last_reader;
  /// Lane sums of C and E, eight for each row of a pass.
  double *constants, *errors;
  double *start_constants, *start_errors, *row_constants, *row_estimates, *row_errors;
  int32_t *list;
  double *box_lower, *box_upper;
  double *lower, *estimate, *error, *inputs;
  double *clip_lower, *clip_upper;
  uint8_t *is_refuted;
  void *memory;
};

/// The lower end of C - E, rounded down: section 1.5 with u = 2^-53. The products and sums that gave E are sums of
/// numbers >= 0 with fewer than 2^30 roundings, which 1.001 pays for; the last term pays for the operations here.
INLINE double rounded_down(double constant, double error, double omega) {
  double x = constant - (1.001 * error + omega);
  double magnitude = x < 0 ? -x : x;
  return x - (magnitude * 0x1p-51 + 0x1p-1000);
}

int bound_portable(const cfb_problem *, cfb_work *, uint64_t *, double *, double *, double *, double *);
int bound_avx2(const cfb_problem *, cfb_work *, uint64_t *, double *, double *, double *, double *);
int bound_avx512(const cfb_problem *, cfb_work *, uint64_t *, double *, double *, double *, double *);
/// Values of all alive neurons at a point of the box, rounded to nearest.
void evaluate_portable(const cfb_problem *, cfb_work *, const double *);
void evaluate_avx2(const cfb_problem *, cfb_work *, const double *);
void evaluate_avx512(const cfb_problem *, cfb_work *, const double *);
