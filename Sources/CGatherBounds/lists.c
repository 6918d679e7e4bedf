// Gather lists: for each block of eight neurons the sorted union of the rows they multiply with, and dense weights.
#include "cgather.h"

// Rows in a bit set, and where its ends are.
typedef struct {
  uint64_t *bits;
  int32_t low, high;
} row_set;

static void insert_partners(
    row_set *set, const int32_t *neurons, int32_t count, const int64_t *starts, const int32_t *partners,
    const double *weights, const int32_t *row_of) {
  for (int32_t j = 0; j < count; j++) {
    if (neurons[j] < 0) continue;
    for (int64_t e = starts[neurons[j]]; e < starts[neurons[j] + 1]; e++) {
      const int32_t row = row_of[partners[e]];
      if (row < 0 || weights[e] == 0) continue;
      set->bits[row >> 6] |= 1ull << (row & 63);
      if (row < set->low) set->low = row;
      if (row > set->high) set->high = row;
    }
  }
}

static void clear(row_set *set, int32_t rows) {
  for (int32_t word = set->low >> 6; word <= set->high >> 6 && set->high >= 0; word++) set->bits[word] = 0;
  set->low = rows;
  set->high = -1;
}

int64_t cgather_lists(
    int32_t blocks, const int32_t *members, const int64_t *starts, const int32_t *partners, const double *weights,
    const int32_t *row_of, int32_t rows, int32_t is_shared, uint64_t *bits, int32_t *places, int32_t *block_starts,
    int32_t *index, void *panel, int is_wide) {
  int64_t total = 0;
  row_set set = {bits, rows, -1};
  if (is_shared) insert_partners(&set, members, CGATHER_BLOCK * blocks, starts, partners, weights, row_of);
  for (int32_t b = 0; b < blocks; b++) {
    block_starts[b] = (int32_t)total;
    const int32_t *neurons = members + CGATHER_BLOCK * b;
    if (!is_shared) insert_partners(&set, neurons, CGATHER_BLOCK, starts, partners, weights, row_of);
    // The bits in ascending order are the sorted union.
    const int64_t first = total;
    for (int32_t word = set.low >> 6; word <= set.high >> 6 && set.high >= 0; word++) {
      for (uint64_t left = bits[word]; left; left &= left - 1) {
        const int32_t row = word * 64 + __builtin_ctzll(left);
        if (index) {
          index[total] = row;
          places[row] = (int32_t)(total - first);
        }
        total++;
      }
    }
    if (!is_shared) clear(&set, rows);
    if (!index) continue;
    for (int j = 0; j < CGATHER_BLOCK; j++) {
      if (neurons[j] < 0) continue;
      for (int64_t e = starts[neurons[j]]; e < starts[neurons[j] + 1]; e++) {
        const int32_t row = row_of[partners[e]];
        if (row < 0 || weights[e] == 0) continue;
        const int64_t place = CGATHER_BLOCK * (first + places[row]) + j;
        if (is_wide) {
          ((double *)panel)[place] = weights[e];
        } else {
          ((float *)panel)[place] = (float)weights[e];
        }
      }
    }
  }
  clear(&set, rows);
  block_starts[blocks] = (int32_t)total;
  return total;
}
