// Layers on AVX-512, a strip of the map at a time: whole inverted residual blocks (expansion, depthwise layer and
// projection), whose expanded map never leaves the caches, and convolutions.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// A block over channels-last images. Numbers are float, or bfloat16 patterns where every stage rounds what it stores.
///
///   e = clip(expansion of the input)        [height, width, expanded]
///   d = clip(depthwise layer of e)          [out_height, out_width, expanded]
///   y = clip(1x1 projection of d + residual) [out_height, out_width, outputs]
///
/// clip(x) = x < low ? low : x > high ? high : x; NaN stays NaN.
typedef struct {
  /// The expansion: a 1x1 product, or a window of `expand_extent` squared with stride and padding (a network's first
  /// layer) over images [in_height, in_width, channels].
  int32_t in_height, in_width, channels;
  int32_t expand_extent, expand_stride, expand_top, expand_left;
  /// The map that the depthwise layer reads; `expanded` is a multiple of `slab`.
  int32_t height, width, expanded;
  /// The channels that are expanded at a time: 48, or 32 behind a window.
  int32_t slab;
  /// The depthwise layer: a window of 3 or 5 squared, stride 1 or 2, at most two columns of padding on the left.
  int32_t extent, stride, top, left;
  int32_t out_height, out_width, outputs;
  /// The clips of the three stages.
  float low[3], high[3];
  /// Packed filters, and biases [expanded], [expanded], [outputs rounded up to 16]; aligned to 64 bytes.
  const void *filters[3];
  const float *biases[3];
  /// Output rows of a strip; a strip of out_height rows is a whole map.
  int32_t strip;
  /// Images whose whole maps are taken at a time.
  int32_t group;
} cfused_block;

/// 0: this processor has neither; 1: AVX-512, so float32 blocks run; 2: AVX512_BF16 as well, so bfloat16 blocks run.
int cfused_level(void);

/// Fills in `strip` and `group` for batches of `images`.
void cfused_choose(cfused_block *block, int images, int bfloat16);

/// The bytes of the packed filters of a stage (0 expansion, 1 depthwise, 2 projection).
size_t cfused_packed_bytes(const cfused_block *block, int stage, int bfloat16);
/// Packs filters [outputs, rows, columns, inner]: the expansion's [channels_used, e, e, channels], the depthwise
/// layer's [channels_used, k, k, 1], the projection's [outputs, 1, 1, channels_used]. Channels from `channels_used` on
/// count as zero. bfloat16 is rounded to nearest even.
void cfused_pack(const cfused_block *block, int stage, int bfloat16, const float *filter, int channels_used, void *packed);

/// The bytes of working memory, which must be aligned to 64.
size_t cfused_workspace(const cfused_block *block, int bfloat16);

/// Runs the block on images; `residual` is NULL or the numbers to add to the output's. The output may not overlap the
/// input or the residual. A sample's result depends on no other sample's.
void cfused_run_float32(
    const cfused_block *block, void *workspace, const void *input, const void *residual, void *output, int images);
void cfused_run_bfloat16(
    const cfused_block *block, void *workspace, const void *input, const void *residual, void *output, int images);

/// A convolution of channels-last images [height, width, channels] with a square window of `extent`:
/// y = clip(sum + bias + residual). Channels of the output are `pitch` numbers from pixel to pixel: more than `outputs`
/// where the output is a slice of a larger tensor; a residual stands like the output.
typedef struct {
  int32_t height, width, channels;
  int32_t extent, stride, top, left;
  int32_t out_height, out_width, outputs, pitch;
  float low, high;
  /// Packed filters, and a bias [outputs rounded up to 16]; aligned to 64 bytes.
  const void *filter;
  const float *bias;
  /// Output rows of a strip, or pixels where the window is a pixel with stride 1.
  int32_t strip;
} cfused_convolution;

/// Fills in `strip`.
void cfused_choose_convolution(cfused_convolution *convolution, int bfloat16);
/// The bytes of the packed filters [outputs, extent, extent, channels], and of working memory aligned to 64.
size_t cfused_convolution_bytes(const cfused_convolution *convolution, int bfloat16);
size_t cfused_convolution_workspace(const cfused_convolution *convolution, int bfloat16);
void cfused_pack_convolution(
    const cfused_convolution *convolution, int bfloat16, const float *filter, void *packed);
/// Runs it on images. The output may be the residual, but may not overlap the input.
void cfused_convolve_float32(
    const cfused_convolution *convolution, void *workspace, const void *input, const void *residual, void *output,
    int images);
void cfused_convolve_bfloat16(
    const cfused_convolution *convolution, void *workspace, const void *input, const void *residual, void *output,
    int images);
