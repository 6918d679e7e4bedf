// Sparse rows times panels, forward and backward, one or two vectors of 16 lanes at a time.
#include "cfalsifier.h"
#include "vectors.h"

#define load(p) (*(const vector *)(p))

INLINE void affine(const struct cfalsifier_rows *rows, const float *panel, float *out, size_t vectors) {
  size_t lanes = 16 * vectors;
  for (size_t j = 0; j < rows->count; j++) {
    vector sum0 = (vector){0} + rows->bias[j];
    vector sum1 = sum0;
    for (intptr_t e = rows->starts[j]; e < rows->starts[j + 1]; e++) {
      const float *x = panel + (size_t)rows->columns[e] * lanes;
      float w = rows->values[e];
      sum0 += w * load(x);
      if (vectors == 2) sum1 += w * load(x + 16);
    }
    *(vector *)(out + j * lanes) = sum0;
    if (vectors == 2) *(vector *)(out + j * lanes + 16) = sum1;
  }
}

VECTORS void cfalsifier_affine(const struct cfalsifier_rows *rows, const float *panel, float *out, size_t lanes) {
  if (lanes == 16) {
    affine(rows, panel, out, 1);
  } else {
    affine(rows, panel, out, 2);
  }
}

INLINE int is_zero(const float *numbers, size_t count) {
  int any = 0;
  for (size_t i = 0; i < count; i++) any |= numbers[i] != 0;
  return !any;
}

INLINE void adjoint(const struct cfalsifier_rows *rows, const float *gradient, float *panel, size_t vectors) {
  size_t lanes = 16 * vectors;
  for (size_t j = 0; j < rows->count; j++) {
    const float *dy = gradient + j * lanes;
    if (is_zero(dy, lanes)) continue;
    vector dy0 = load(dy);
    vector dy1 = vectors == 2 ? load(dy + 16) : dy0;
    for (intptr_t e = rows->starts[j]; e < rows->starts[j + 1]; e++) {
      float *dx = panel + (size_t)rows->columns[e] * lanes;
      float w = rows->values[e];
      *(vector *)dx += w * dy0;
      if (vectors == 2) *(vector *)(dx + 16) += w * dy1;
    }
  }
}

VECTORS void cfalsifier_affine_adjoint(
  const struct cfalsifier_rows *rows, const float *gradient, float *panel, size_t lanes) {
  if (lanes == 16) {
    adjoint(rows, gradient, panel, 1);
  } else {
    adjoint(rows, gradient, panel, 2);
  }
}
