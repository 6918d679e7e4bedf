// Element loops, compiled for three instruction sets and chosen when the program is loaded. Products and sums are never
// contracted, so all three give the same bits.
#include "csimd.h"
#include "vectors.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

INLINE float widen(uint16_t pattern) {
  uint32_t bits = (uint32_t)pattern << 16;
  float number;
  memcpy(&number, &bits, 4);
  return number;
}

INLINE uint16_t narrow(float number) {
  uint32_t bits;
  memcpy(&bits, &number, 4);
  uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  uint32_t nan = (bits >> 16) | 0x40;
  return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? nan : rounded);
}

VECTORS void csimd_widen_bfloat16(const uint16_t *restrict x, float *restrict y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = widen(x[i]);
}

VECTORS void csimd_narrow_bfloat16(const float *restrict x, uint16_t *restrict y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = narrow(x[i]);
}

VECTORS void csimd_clip(float *x, size_t count, float low, float high) {
  for (size_t i = 0; i < count; i++) {
    float number = x[i] < low ? low : x[i];
    x[i] = number > high ? high : number;
  }
}

VECTORS void csimd_quantize(
    const float *restrict x, float factor, uint8_t *restrict y, size_t count, float low, float high) {
  for (size_t i = 0; i < count; i++) {
    float number = x[i] * factor;
    number = number < low ? low : number;
    number = number > high ? high : number;
    number = number == number ? number : 0;
    y[i] = (uint8_t)(int32_t)rintf(number);
  }
}

VECTORS void csimd_dequantize_uint8(const uint8_t *restrict x, float factor, float *restrict y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = (float)x[i] * factor;
}

VECTORS void csimd_dequantize_int8(const int8_t *restrict x, float factor, float *restrict y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = (float)x[i] * factor;
}

VECTORS void csimd_clip_bfloat16(uint16_t *x, size_t count, float low, float high) {
  for (size_t i = 0; i < count; i++) {
    float number = widen(x[i]);
    number = number < low ? low : number;
    x[i] = narrow(number > high ? high : number);
  }
}
