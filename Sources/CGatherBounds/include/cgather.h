// Inner loops of backward linear bounds by gather blocks (reference: DESIGN section 7, soundness.md 1.4).
//
// The state of a group of items is [row][item]: a row is an alive neuron, a lane owns items, so that bias dot, error
// dot, intercepts and concretisation are private sums of eight neurons, added up in binary64 in a fixed order.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Neurons per block.
#define CGATHER_BLOCK 8

// One unit of the network: an affine map, followed by ReLU or by nothing; unit 0 holds the inputs.
// Numbers of the kind `real` are float or double, as the plan's precision says.
typedef struct {
  int32_t first_row;    // of the state
  int32_t first_block;  // among the blocks of all units
  int32_t blocks;
  int32_t is_input;
  // Backward: for each block the rows of the consumers (ascending) and their weights, eight reals for each entry.
  const int32_t *back_starts;  // blocks + 1
  const int32_t *back_index;
  const void *back_panel;
  // Forward: the rows of the sources. Entries before `fore_middles` are rows of unit 0.
  const int32_t *fore_starts;  // blocks + 1
  const int32_t *fore_middles;
  const int32_t *fore_index;
  const void *fore_panel;
  // Bit j of a block's mask: neuron j is an unstable ReLU; or it passes its coefficient on unchanged.
  const uint8_t *unstable;
  const uint8_t *passing;
  const int32_t *first_slot;  // for each block, the slot of its first unstable neuron
  const void *lines;          // for each row of the unit: l, u, slope and intercept of the upper line
  const void *bias;           // for each row of the unit: bias, v' (the charge of soundness.md 1.2)
  const void *box;            // unit 0: for each row lower and upper end
} cgather_unit;

// The state of one group of items. Arrays are aligned to 64 bytes; [n] means n times the group's number of items.
typedef struct {
  void *y;                // [rows] coefficients of operands; after a forward pass the values of neurons
  void *coefficients;     // [slots] coefficients that reached the unstable neurons
  void *parameters;       // [slots] slopes of free neurons, multipliers of split ones
  void *moments1;         // [slots]
  void *moments2;         // [slots]
  void *best;             // [slots] parameters of the best bound
  void *marks;            // [blocks] two bits for each neuron: 0 free, 1 z >= 0, 2 z <= 0
  const uint8_t *marked;  // for each block whether any item has a mark in it
  uint16_t *choice;       // [rows of unit 0 * vectors] which end of the box the minimiser takes
  void *inputs;           // [rows of unit 0] null: the region is the box. Else backward leaves the coefficients here,
                          // does not concretise, and forward starts from what the caller put in their place
  void *const *starts;    // for each unit: coefficients that the rows start with, or null
} cgather_state;

// What a backward pass leaves for each item: the constant, the error, and the sum of the magnitudes of all summands of
// the constant.
typedef struct {
  double *constant;
  double *error;
  double *magnitude;
} cgather_sums;

// One step of Adam; the corrections are 1 / (1 - decay^step).
typedef struct {
  double slope_rate;
  double multiplier_rate;
  double correction1;
  double correction2;
} cgather_adam;

// The loops for one instruction set and one precision.
typedef struct {
  const char *name;
  int items;    // of a group
  int vectors;  // of a group
  int is_wide;  // real is double
  // From the starts down to the inputs through units `units` - 1 ... 0. `relative` is the charge
  // for a private sum and a product (soundness.md 1.4); zero leaves every error term out.
  void (*backward)(
      const cgather_unit *units, int count, const cgather_state *state, double relative, cgather_sums sums);
  // From the minimiser up to unit `units` - 1, with a step of Adam at each unstable neuron, so that the bound grows.
  // Where `improved` (one byte for each item) says so, the parameters before the step are kept as the best ones.
  void (*forward)(
      const cgather_unit *units, int count, const cgather_state *state, const uint8_t *improved, cgather_adam adam);
} cgather_loops;

// The fastest loops of this processor; `level` 0 portable, 1 AVX2 with FMA, 2 AVX-512, at most what there is.
const cgather_loops *cgather_find(int is_wide, int level);
int cgather_level(void);

// The gather lists of one unit. Each block holds up to eight neurons: members[8 * b + j], or -1. The partners of
// neuron n are partners[starts[n]] ..< partners[starts[n + 1]], with their weights in the same places; a partner counts
// if row_of[partner] >= 0. Writes the sorted rows of each block's partners and the panel (8 reals an entry), or only
// the counts if `index` is null. With `is_shared` every block gets the rows of all blocks, so that the panels are the
// unit's whole matrix. `bits` is zero and holds a bit for each row, `places` a number for each row. Returns the number
// of entries.
int64_t cgather_lists(
    int32_t blocks, const int32_t *members, const int64_t *starts, const int32_t *partners, const double *weights,
    const int32_t *row_of, int32_t rows, int32_t is_shared, uint64_t *bits, int32_t *places, int32_t *block_starts,
    int32_t *index, void *panel, int is_wide);

// Columns of [place][item] numbers, real as `is_wide` says, for the first `lanes` items.
//
// Takes: out[lane * count + i] is row places[i]. Puts: row places[i] gets columns[lane][i], or defaults[i] where the
// lane's column is null, forced into [0, 1] (NaN gives 0).
void cgather_take(
    const void *rows, int is_wide, int items, int lanes, int64_t count, const int32_t *places, float *out);
void cgather_put(
    void *rows, int is_wide, int items, int lanes, int64_t count, const int32_t *places, const float *const *columns,
    const float *defaults);

// Intercepts as scores: out[i] = max(0, -out[i]) * factors[i].
void cgather_scores(int64_t count, const float *factors, float *out);

// The corner that a lane's minimiser takes, for the inputs with these rows.
void cgather_corner(
    const cgather_state *state, int lane, int items, int vectors, int64_t count, const int32_t *input_rows,
    const double *lower, const double *upper, double *out);
