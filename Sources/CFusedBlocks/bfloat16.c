// Blocks and convolutions in bfloat16 with AVX512_BF16. Products of two bfloat16 numbers are exact; their sums are binary32 without
// denormals, two products at a time, as VDPBF16PS defines them.
#if defined(__x86_64__)
#define BRAIN 1
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")))
#include "block.h"
#include "convolve.h"

void cfused_run_bfloat16(
    const cfused_block *block, void *workspace, const void *input, const void *residual, void *output, int images) {
  run_block(block, workspace, input, residual, output, images);
}

size_t cfused_workspace_bfloat16(const cfused_block *block) {
  workspace w;
  return lay_out(block, 0, &w);
}

void cfused_convolve_bfloat16(
    const cfused_convolution *convolution, void *workspace, const void *input, const void *residual, void *output,
    int images) {
  run_convolution(convolution, workspace, input, residual, output, images);
}
#endif
