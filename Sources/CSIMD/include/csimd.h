// The few CPU inner loops that need intrinsics: one function per instruction set, chosen at run time.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Reads and writes denormals as zero and clears the exception flags; returns the previous state for csimd_restore.
uint32_t csimd_flush_denormals(void);
/// Restores the state that csimd_flush_denormals returned; returns 1 if an invalid operation (a NaN made, or handed to
/// a minimum or maximum) happened on this thread in between.
int csimd_restore(uint32_t state);

/// bfloat16 patterns to binary32, and back with one rounding to nearest even.
void csimd_widen_bfloat16(const uint16_t *x, float *y, size_t count);
void csimd_narrow_bfloat16(const float *x, uint16_t *y, size_t count);
/// x < low ? low : x > high ? high : x for every element, in place; NaN stays NaN.
void csimd_clip(float *x, size_t count, float low, float high);
void csimd_clip_bfloat16(uint16_t *x, size_t count, float low, float high);

/// y = x * factor as the nearest integer, ties to even, held within low ... high; NaN gives 0. Signed and unsigned bytes
/// are stored alike.
void csimd_quantize(const float *x, float factor, uint8_t *y, size_t count, float low, float high);
/// y = x * factor.
void csimd_dequantize_uint8(const uint8_t *x, float factor, float *y, size_t count);
void csimd_dequantize_int8(const int8_t *x, float factor, float *y, size_t count);

/// The number of processors that the calling thread may run on, or 0 if the system does not say.
int csimd_processors(void);

/// The instruction sets of the noise loop.
enum { CSIMD_PORTABLE = 0, CSIMD_AVX2 = 1, CSIMD_AVX512 = 2 };
/// The best of them on this processor.
int csimd_best_level(void);

/// A noise law, prepared for the loop: see AddNoise.swift for what it means.
typedef struct {
  /// [65536 + 2]: 2 * #{j : T_j <= g * 2^48}, plus 1 if a threshold lies further within cell g.
  const uint16_t *guide;
  /// T_j ascending, and their upper halves with one more entry of 2^32 - 1.
  const uint64_t *thresholds;
  const uint32_t *upper;
  int32_t count;
  int32_t center;
  int32_t lowest;
  int32_t highest;
  /// The number for y in channel c is lookup[offset + y - lowest], where offset = channel_offset[c].
  const float *lookup;
  /// [channels + 32]: the offset of storage channel j mod channels.
  const int32_t *channel_offset;
  int32_t channels;
  /// For real-valued images.
  float step;
} csimd_noise_law;

/// The counter words of a sample.
typedef struct {
  uint32_t key[2];
  uint32_t sample[2];
  uint32_t stream;
} csimd_noise_request;

/// Noisy numbers of pixels first ..< first + count of an image, in storage order; first is a multiple of 32.
/// `pixels` and `out` point at pixel `first`. Every level gives the same bits.
void csimd_noise_uint8(
    int level, const csimd_noise_law *law, const csimd_noise_request *request, const uint8_t *pixels, size_t first,
    size_t count, float *out);
void csimd_noise_float(
    int level, const csimd_noise_law *law, const csimd_noise_request *request, const float *pixels, size_t first,
    size_t count, float *out);

// Element loops. Every instruction set gives the same bits.

/// y = f(x) for the operations of Unary.Operation that have a loop here.
typedef enum {
  CSIMD_RELU, CSIMD_ABS, CSIMD_NEGATE, CSIMD_SQRT, CSIMD_RECIPROCAL, CSIMD_ROUND, CSIMD_FLOOR, CSIMD_CEIL, CSIMD_SIGN,
  CSIMD_LEAKY, CSIMD_CLIP, CSIMD_AFFINE, CSIMD_EXP, CSIMD_SIGMOID, CSIMD_TANH, CSIMD_ELU, CSIMD_SQUARE
} csimd_unary_operation;
void csimd_unary(csimd_unary_operation operation, const float *x, float *y, size_t count, float a, float b);

/// y[i] = f(left[i * left_stride], right[i * right_stride]); strides of 0 and 1 are fast.
typedef enum {
  CSIMD_ADD, CSIMD_SUBTRACT, CSIMD_MULTIPLY, CSIMD_DIVIDE, CSIMD_MINIMUM, CSIMD_MAXIMUM
} csimd_binary_operation;
void csimd_binary(
    csimd_binary_operation operation, const float *left, size_t left_stride, const float *right, size_t right_stride,
    float *y, size_t count);

/// y = x * scale + shift with two roundings.
void csimd_scale_shift(const float *x, const float *scale, const float *shift, float *y, size_t count);
/// y += x, and y = the larger or smaller of x and y with NaN kept.
void csimd_add_into(float *y, const float *x, size_t count);
void csimd_maximum_into(float *y, const float *x, size_t count);
void csimd_minimum_into(float *y, const float *x, size_t count);
void csimd_maximum_uint8_into(uint8_t *y, const uint8_t *x, size_t count);
void csimd_maximum_int8_into(int8_t *y, const int8_t *x, size_t count);
/// The largest number of each channel in windows of a row [columns, channels], NaN kept: output j covers `count[j]`, at
/// least one, columns from `first[j]` on.
void csimd_maximum_windows(
    const float *x, float *y, size_t channels, size_t outputs, const int32_t *first, const int32_t *count);
/// The sum of a row in binary32, in 32 interleaved partial sums.
float csimd_sum(const float *x, size_t count);
/// exp(x - max) / sum of a row, in binary64 inside; y may be x.
void csimd_softmax(const float *x, float *y, size_t count);
/// (x - mean) / sqrt(variance + epsilon) * scale + shift of a row, in binary64 inside; scale and shift may be NULL.
void csimd_normalize(
    const float *x, const float *scale, const float *shift, float *y, size_t count, double epsilon);
/// The lowest index of the largest number of a row, or -1 if it has a NaN.
int32_t csimd_arg_max(const float *x, size_t count);

/// The kinds of product that networks are made of.
typedef enum { CSIMD_PRODUCT_FLOAT32, CSIMD_PRODUCT_BFLOAT16, CSIMD_PRODUCT_INT8 } csimd_product;
/// The sums that a loop of products works on at once; counts are multiples of it.
enum { CSIMD_PRODUCT_SUMS = 192 };
/// 1 if csimd_multiply_adds shows this processor's peak for the product: not where it has no such instruction, nor where
/// it has tiles (AMX), which are faster.
int csimd_has_products(csimd_product product);
/// out[i] = start[i] + rounds * 2^-10, by `rounds` products 2^-5 * 2^-5 that are added one after the other (some at once in
/// bfloat16 and int8). Exact for starts that are small multiples of 2^-10 and rounds <= 2^20, a multiple of 4.
void csimd_multiply_adds(csimd_product product, const float *start, float *out, size_t count, size_t rounds);

/// Products per second of bfloat16 vector instructions over those of binary32 ones on this processor, measured in some
/// milliseconds; 0 where the processor lacks either.
double csimd_bfloat16_speedup(void);
