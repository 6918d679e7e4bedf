// What stands in front of every kernel file.
//
// All kernels: activations are row-major, images channels-last; a null `bias`, `residual`, ... pointer means
// that the operand is absent. An activation is a pair (low, high): x < low ? low : x > high ? high : x, in which a NaN
// stays a NaN. No activation is (-inf, inf), ReLU is (0, inf).
// Built without any relaxed-math option; GPU is defined on devices that are no CPUs.
//
// Activations are stored as STORED (compile time): float32, or float16 or bfloat16 in 16 bits, which need no cl_khr_fp16.
// READ widens an element exactly; arithmetic is binary32; WRITE rounds once, to nearest, ties to even. LEFT, RIGHT and
// DATA are the types of operands that may be float32 constants where the activations are narrower.

#define PASTED(a, b) a##b
#define PASTE(a, b) PASTED(a, b)
#ifndef STORED
#define STORED float32
#endif
#ifndef LEFT
#define LEFT float32
#endif
#ifndef RIGHT
#define RIGHT float32
#endif
#ifndef DATA
#define DATA float32
#endif
typedef float stored_float32;
typedef ushort stored_float16;
typedef ushort stored_bfloat16;
#define STORAGE(type) PASTE(stored_, type)
#define READ_AS(type, from, index) PASTE(read_, type)(from, index)
#define WRITE_AS(type, x, to, index) PASTE(write_, type)(x, to, index)
#define READ(from, index) READ_AS(STORED, from, index)
#define READ4(from, index) PASTE(read4_, STORED)(from, index)
#define WRITE(x, to, index) WRITE_AS(STORED, x, to, index)
typedef STORAGE(STORED) stored;

float read_float32(const __global float *from, ulong index) { return from[index]; }
void write_float32(float x, __global float *to, ulong index) { to[index] = x; }
float4 read4_float32(const __global float *from, ulong index) { return vload4(0, from + index); }

float read_float16(const __global ushort *from, ulong index) { return vload_half(index, (const __global half *)from); }
void write_float16(float x, __global ushort *to, ulong index) { vstore_half_rte(x, index, (__global half *)to); }
float4 read4_float16(const __global ushort *from, ulong index) {
  return (float4)(read_float16(from, index), read_float16(from, index + 1), read_float16(from, index + 2),
                  read_float16(from, index + 3));
}

float read_bfloat16(const __global ushort *from, ulong index) { return as_float((uint)from[index] << 16); }
void write_bfloat16(float x, __global ushort *to, ulong index) {
  const uint bits = as_uint(x);
  to[index] = (ushort)(x != x ? (bits >> 16) | 0x40u : (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
float4 read4_bfloat16(const __global ushort *from, ulong index) {
  return as_float4(convert_uint4(vload4(0, from + index)) << (uint4)(16));
}

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
