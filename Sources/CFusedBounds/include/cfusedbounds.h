// Backward linear bounds of small ReLU networks on sub-boxes, in binary64, with every rounding charged; one step of an
// input-split search. Formulas and their reasons: soundness notes, section 1, with u = 2^-53 and eta = 2^-1022.
//
// Node 0 holds the inputs. Node s >= 1 is a stage: z = sum over its edges of W h_source + b, then h = max(z, 0) or h = z.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { CFB_PORTABLE = 0, CFB_AVX2 = 1, CFB_AVX512 = 2 };
/// The best of them on this processor.
int cfb_best_level(void);

/// Weights from one earlier node to a stage.
typedef struct {
  int32_t source;
  /// [stage size][cfb_stride(source size)], rows padded with 0; NULL for a sparse edge.
  const double *dense;
  /// Compressed rows with ascending columns; NULL for a dense edge.
  const int32_t *starts;
  const int32_t *columns;
  const double *values;
} cfb_edge;

typedef struct {
  int32_t size;
  int32_t is_relu;
  /// The first word of the stage's bits in an entry; each ReLU stage has (size + 63) / 64 words.
  int32_t word;
  int32_t edge_count;
  const cfb_edge *edges;
  const double *bias;
  /// v' of section 1.2, terms of section 1.8 included: what a coefficient of 1 on z costs.
  const double *charge;
} cfb_stage;

/// phi = sum of coefficients times node values + constant; `error` is what its own coefficients cost.
typedef struct {
  int32_t clause;
  int32_t is_strict;
  int32_t first_seed;
  int32_t seed_count;
  double constant;
  double error;
} cfb_row;

typedef struct {
  int32_t node;
  int32_t neuron;
  double coefficient;
} cfb_seed;

/// Points of the region satisfy sum of coefficients times inputs + constant <= 0, up to `error`.
typedef struct {
  const double *coefficients;
  double constant;
  double error;
} cfb_input_row;

typedef struct {
  int32_t inputs;
  /// Nodes, the inputs included.
  int32_t nodes;
  int32_t rows;
  int32_t clauses;
  int32_t input_rows;
  /// Words of 64 bits for one bit per ReLU.
  int32_t words;
  /// [nodes]; the entry of node 0 has only a size.
  const cfb_stage *stages;
  const cfb_row *row_list;
  const cfb_seed *seeds;
  const cfb_input_row *input_row_list;
  /// The region's box; candidates stay within it.
  const double *root_lower;
  const double *root_upper;
  /// Charge per unit of intercepts and concretisation: gamma(D + 4)(1 + 2^-10), or 0 without rounding-safety.
  double scalar_charge;
  /// Absolute charge for underflow (Omega of section 1.2), 2^-53 and 0 or 0 without rounding-safety.
  double omega;
  double unit;
  /// An axis counts with at least this share of the largest sensitivity.
  double score_floor;
  /// A row that is proven must stay so with its error taken this many times (1 for verdicts, more for proof files).
  double error_factor;
  /// CFB_CLIPS_ROWS: boxes are cut by the rows; CFB_CLIPS_INPUTS: boxes are cut by the region's half-spaces.
  int32_t clips;
} cfb_problem;

enum { CFB_CLIPS_ROWS = 1, CFB_CLIPS_INPUTS = 2 };

/// Doubles per row of a padded array.
static inline size_t cfb_stride(int32_t size) { return ((size_t)size + 7) / 8 * 8; }

/// An entry of the frontier is this many 64-bit words: id, lower corner, upper corner, unstable bits, active bits.
static inline size_t cfb_entry_words(const cfb_problem *p) {
  return 1 + 2 * (size_t)p->inputs + 2 * (size_t)p->words;
}
static inline double *cfb_entry_lower(const cfb_problem *p, uint64_t *entry) {
  (void)p;
  return (double *)(entry + 1);
}
static inline double *cfb_entry_upper(const cfb_problem *p, uint64_t *entry) {
  return (double *)(entry + 1 + p->inputs);
}
static inline uint64_t *cfb_entry_unstable(const cfb_problem *p, uint64_t *entry) {
  return entry + 1 + 2 * (size_t)p->inputs;
}
static inline uint64_t *cfb_entry_active(const cfb_problem *p, uint64_t *entry) {
  return entry + 1 + 2 * (size_t)p->inputs + p->words;
}

/// Scratch memory of one thread for one problem.
typedef struct cfb_work cfb_work;
/// NULL if memory runs out.
cfb_work *cfb_work_create(const cfb_problem *problem, int level);
void cfb_work_free(cfb_work *work);
/// Bounds of z of a stage after cfb_bound, valid for neurons that were unstable in the entry it was given.
const double *cfb_stage_lower(const cfb_work *work, int32_t node);
const double *cfb_stage_upper(const cfb_work *work, int32_t node);

/// Bounds all unstable neurons of the entry (whose bits are updated) and then the rows. lower[row] <= phi on the box;
/// estimate[row] is the same before errors are subtracted; inputs[row * cfb_stride(inputs) + i] are the coefficients
/// of the linear bound. Returns 0 if some intermediate bound is not finite; then all lower bounds are NaN.
int cfb_bound(
    const cfb_problem *problem, cfb_work *work, uint64_t *entry, double *lower, double *estimate, double *inputs);

enum {
  /// Not looked at.
  CFB_UNPROCESSED = 0,
  /// Every clause is refuted on the box.
  CFB_PROVEN = 1,
  /// Every clause is refuted on the box, clipping included: nothing is left of it.
  CFB_EMPTIED = 2,
  /// The region's half-spaces leave nothing of the box.
  CFB_OUTSIDE = 3,
  /// To be halved at `middle` of `axis`, after the entry's box was clipped.
  CFB_SPLIT = 4,
  /// No axis is wide enough to be halved.
  CFB_TOO_NARROW = 5,
  /// Proven but for rounding: its margin is below the error of the arithmetic that the verdict speaks about.
  CFB_BELOW_ERROR = 6,
  /// Some bound is infinite or NaN.
  CFB_NOT_FINITE = 7
};

typedef struct {
  int32_t status;
  int32_t axis;
  double middle;
  /// The least bound of an unproven clause's best row.
  double bound;
  int32_t is_clipped;
  /// Evaluation in binary64 says that `point` is forbidden.
  int32_t is_candidate;
} cfb_result;

/// Bounds one entry, looks for a candidate point, clips the entry's box and chooses the axis to split.
/// `point` has room for the inputs.
void cfb_step(const cfb_problem *problem, cfb_work *work, uint64_t *entry, cfb_result *result, double *point);
