// The kernel text, carried in the binary. Adding a kernel file means adding its two lines here.

#include "KernelSources.h"

#include <stddef.h>
#include <string.h>

static const char prelude[] = {
#embed "prelude.cl" suffix(, 0)
};
static const char convolve_direct[] = {
#embed "dense/convolve_direct.cl" suffix(, 0)
};
static const char convolve_vector[] = {
#embed "dense/convolve_vector.cl" suffix(, 0)
};
static const char convolve_tiled[] = {
#embed "dense/convolve_tiled.cl" suffix(, 0)
};
static const char convolve_transposed[] = {
#embed "dense/convolve_transposed.cl" suffix(, 0)
};
static const char depthwise_vector[] = {
#embed "dense/depthwise_vector.cl" suffix(, 0)
};
static const char depthwise_strip[] = {
#embed "dense/depthwise_strip.cl" suffix(, 0)
};
static const char matrix_direct[] = {
#embed "dense/matrix_direct.cl" suffix(, 0)
};
static const char matrix_vector[] = {
#embed "dense/matrix_vector.cl" suffix(, 0)
};
static const char matrix_tiled[] = {
#embed "dense/matrix_tiled.cl" suffix(, 0)
};
static const char multiply_adds[] = {
#embed "dense/multiply_adds.cl" suffix(, 0)
};
static const char unary[] = {
#embed "elementwise/unary.cl" suffix(, 0)
};
static const char binary[] = {
#embed "elementwise/binary.cl" suffix(, 0)
};
static const char scale_shift[] = {
#embed "elementwise/scale_shift.cl" suffix(, 0)
};
static const char convert[] = {
#embed "elementwise/convert.cl" suffix(, 0)
};
static const char fill[] = {
#embed "elementwise/fill.cl" suffix(, 0)
};
static const char copy_strided[] = {
#embed "movement/copy_strided.cl" suffix(, 0)
};
static const char gather[] = {
#embed "movement/gather.cl" suffix(, 0)
};
static const char pool[] = {
#embed "reductions/pool.cl" suffix(, 0)
};
static const char reduce[] = {
#embed "reductions/reduce.cl" suffix(, 0)
};
static const char softmax[] = {
#embed "reductions/softmax.cl" suffix(, 0)
};
static const char normalize_rows[] = {
#embed "reductions/normalize_rows.cl" suffix(, 0)
};
static const char arg_max[] = {
#embed "reductions/arg_max.cl" suffix(, 0)
};
static const char add_noise[] = {
#embed "smoothing/add_noise.cl" suffix(, 0)
};
static const char ptx[] = {
#embed "nvidia/ptx.cl" suffix(, 0)
};
static const char wgmma[] = {
#embed "nvidia/wgmma.cl" suffix(, 0)
};
static const char space_to_depth[] = {
#embed "nvidia/space_to_depth.cl" suffix(, 0)
};
static const char convolve_pipelined[] = {
#embed "nvidia/convolve_pipelined.cl" suffix(, 0)
};
static const char convolve_tensor[] = {
#embed "nvidia/convolve_tensor.cl" suffix(, 0)
};
static const char convolve_rows[] = {
#embed "nvidia/convolve_rows.cl" suffix(, 0)
};
static const char convolve_pool[] = {
#embed "nvidia/convolve_pool.cl" suffix(, 0)
};
static const char inverted_residual[] = {
#embed "nvidia/inverted_residual.cl" suffix(, 0)
};
static const char gather_blocks[] = {
#embed "bounds/gather_blocks.cl" suffix(, 0)
};
static const char input_search[] = {
#embed "bounds/input_search.cl" suffix(, 0)
};

static const struct {
  const char *path;
  const char *text;
} files[] = {
    {"prelude.cl", prelude},
    {"dense/convolve_direct.cl", convolve_direct},
    {"dense/convolve_vector.cl", convolve_vector},
    {"dense/convolve_tiled.cl", convolve_tiled},
    {"dense/convolve_transposed.cl", convolve_transposed},
    {"dense/depthwise_vector.cl", depthwise_vector},
    {"dense/depthwise_strip.cl", depthwise_strip},
    {"dense/matrix_direct.cl", matrix_direct},
    {"dense/matrix_vector.cl", matrix_vector},
    {"dense/matrix_tiled.cl", matrix_tiled},
    {"dense/multiply_adds.cl", multiply_adds},
    {"elementwise/unary.cl", unary},
    {"elementwise/binary.cl", binary},
    {"elementwise/scale_shift.cl", scale_shift},
    {"elementwise/convert.cl", convert},
    {"elementwise/fill.cl", fill},
    {"movement/copy_strided.cl", copy_strided},
    {"movement/gather.cl", gather},
    {"reductions/pool.cl", pool},
    {"reductions/reduce.cl", reduce},
    {"reductions/softmax.cl", softmax},
    {"reductions/normalize_rows.cl", normalize_rows},
    {"reductions/arg_max.cl", arg_max},
    {"smoothing/add_noise.cl", add_noise},
    {"nvidia/ptx.cl", ptx},
    {"nvidia/wgmma.cl", wgmma},
    {"nvidia/space_to_depth.cl", space_to_depth},
    {"nvidia/convolve_pipelined.cl", convolve_pipelined},
    {"nvidia/convolve_tensor.cl", convolve_tensor},
    {"nvidia/convolve_rows.cl", convolve_rows},
    {"nvidia/convolve_pool.cl", convolve_pool},
    {"nvidia/inverted_residual.cl", inverted_residual},
    {"bounds/gather_blocks.cl", gather_blocks},
    {"bounds/input_search.cl", input_search},
};

static const unsigned file_count = sizeof files / sizeof *files;

const char *surety_kernel_source(const char *path) {
  for (unsigned index = 0; index < file_count; ++index)
    if (strcmp(files[index].path, path) == 0) return files[index].text;
  return NULL;
}

const char *surety_kernel_path(unsigned index) { return index < file_count ? files[index].path : NULL; }
