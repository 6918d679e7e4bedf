// What stands in front of every kernel file.
//
// All kernels: activations are binary32, row-major, images channels-last; a null `bias`, `residual`, ... pointer means
// that the operand is absent. An activation is a pair (low, high): x < low ? low : x > high ? high : x, in which a NaN
// stays a NaN. No activation is (-inf, inf), ReLU is (0, inf).
// Built without any relaxed-math option; GPU is defined on devices that are no CPUs.

float activate(float x, float low, float high) { return x < low ? low : x > high ? high : x; }

float16 activate16(float16 x, float low, float high) {
  x = select(x, (float16)(low), x < (float16)(low));
  return select(x, (float16)(high), x > (float16)(high));
}

// The first `count` of 16 lanes; the others are zero. Nothing past them is touched.
float16 load_part(const __global float *from, int count) {
  if (count >= 16) return vload16(0, from);
  float lanes[16];
  for (int lane = 0; lane < 16; ++lane) lanes[lane] = lane < count ? from[lane] : 0.0f;
  return vload16(0, lanes);
}

void store_part(float16 x, __global float *to, int count) {
  if (count >= 16) {
    vstore16(x, 0, to);
    return;
  }
  float lanes[16];
  vstore16(x, 0, lanes);
  for (int lane = 0; lane < count; ++lane) to[lane] = lanes[lane];
}
