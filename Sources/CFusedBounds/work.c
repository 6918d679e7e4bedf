// Memory of a thread, and the choice of instruction set.
#include "work.h"

#include <stdlib.h>

int cfb_best_level(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
      && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
    return CFB_AVX512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
    return CFB_AVX2;
  }
#endif
  return CFB_PORTABLE;
}

/// Hands out pieces of one block at multiples of 64 bytes; with no block it only counts.
typedef struct {
  char *start;
  size_t used;
} arena;

static void *take(arena *a, size_t count, size_t size) {
  void *piece = a->start ? a->start + a->used : NULL;
  // 64 bytes of slack, because vectors are stored beyond the end of the last row.
  a->used += (count * size + 127) / 64 * 64;
  return piece;
}

/// Rows of a pass, so that the coefficients of all nodes stay within a second-level cache. Even, at least 8.
static int pass_rows(const cfb_problem *p) {
  size_t width = 0;
  for (int s = 0; s < p->nodes; s++) width += cfb_stride(p->stages[s].size);
  size_t rows = (512 << 10) / (8 * width + 1) / 2 * 2;
  return rows < 8 ? 8 : rows > 96 ? 96 : (int)rows;
}

static void lay_out(const cfb_problem *p, cfb_work *w, arena *a) {
  const size_t rows = (size_t)w->pass_rows, word = sizeof(double);
  w->nodes = take(a, (size_t)p->nodes, sizeof(alive_node));
  w->last_reader = take(a, (size_t)p->nodes, 4);
  w->constants = take(a, rows * 8, word);
  w->errors = take(a, rows * 8, word);
  double **small[5] = {
      &w->start_constants, &w->start_errors, &w->row_constants, &w->row_estimates, &w->row_errors};
  for (int i = 0; i < 5; i++) *small[i] = take(a, rows, word);
  size_t largest = 0, inputs = cfb_stride(p->inputs);
  for (int s = 0; s < p->nodes; s++) {
    if ((size_t)p->stages[s].size > largest) largest = (size_t)p->stages[s].size;
  }
  w->list = take(a, largest, 4);
  double **corners[4] = {&w->box_lower, &w->box_upper, &w->clip_lower, &w->clip_upper};
  for (int i = 0; i < 4; i++) *corners[i] = take(a, inputs, word);
  double **results[3] = {&w->lower, &w->estimate, &w->error};
  for (int i = 0; i < 3; i++) *results[i] = take(a, (size_t)p->rows, word);
  w->inputs = take(a, (size_t)p->rows * inputs, word);
  w->is_refuted = take(a, (size_t)p->clauses, 1);
  for (int s = 0; s < p->nodes; s++) {
    const cfb_stage *stage = &p->stages[s];
    alive_node node = {0};
    size_t size = cfb_stride(stage->size);
    node.count = stage->size;
    node.stride = size;
    node.neurons = take(a, size, 4);
    node.position = take(a, size, 4);
    node.row = take(a, size, 4);
    double **lists[9] = {&node.upper_slope, &node.lower_slope, &node.low,     &node.high, &node.bias,
                         &node.charge,      &node.z_lower,     &node.z_upper, &node.value};
    for (int i = 0; i < 9; i++) *lists[i] = take(a, size, word);
    node.coefficients = take(a, rows * size, word);
    node.first = take(a, rows, 4);
    node.last = take(a, rows, 4);
    node.edges = take(a, (size_t)stage->edge_count, sizeof(alive_edge));
    for (int j = 0; j < stage->edge_count; j++) {
      const cfb_edge *edge = &stage->edges[j];
      alive_edge alive = {0};
      if (edge->dense) {
        alive.dense = take(a, (size_t)stage->size * cfb_stride(p->stages[edge->source].size), word);
      } else {
        size_t entries = (size_t)edge->starts[stage->size];
        alive.starts = take(a, (size_t)stage->size + 1, 4);
        alive.columns = take(a, entries, 4);
        alive.values = take(a, entries, word);
      }
      if (a->start) {
        node.edges[j] = alive;
        if (w->last_reader[edge->source] == 0) w->last_reader[edge->source] = s;
      }
    }
    if (a->start) w->nodes[s] = node;
  }
}

cfb_work *cfb_work_create(const cfb_problem *p, int level) {
  cfb_work *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  w->level = level;
  w->pass_rows = pass_rows(p);
  arena sizes = {NULL, 64};
  lay_out(p, w, &sizes);
  w->memory = calloc(1, sizes.used + 64);
  if (!w->memory) {
    free(w);
    return NULL;
  }
  arena block = {(char *)(((uintptr_t)w->memory + 63) / 64 * 64), 0};
  lay_out(p, w, &block);
  return w;
}

void cfb_work_free(cfb_work *w) {
  if (!w) return;
  free(w->memory);
  free(w);
}

const double *cfb_stage_lower(const cfb_work *w, int32_t node) { return w->nodes[node].z_lower; }
const double *cfb_stage_upper(const cfb_work *w, int32_t node) { return w->nodes[node].z_upper; }
