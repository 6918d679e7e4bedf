// Blocks and convolutions in float32 with AVX-512.
#if defined(__x86_64__)
#define BRAIN 0
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma")))
#include "block.h"
#include "convolve.h"

void cfused_run_float32(
    const cfused_block *block, void *workspace, const void *input, const void *residual, void *output, int images) {
  run_block(block, workspace, input, residual, output, images);
}

size_t cfused_workspace_float32(const cfused_block *block) {
  workspace w;
  return lay_out(block, 0, &w);
}

void cfused_convolve_float32(
    const cfused_convolution *convolution, void *workspace, const void *input, const void *residual, void *output,
    int images) {
  run_convolution(convolution, workspace, input, residual, output, images);
}
#endif
