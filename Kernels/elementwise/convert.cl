// output[i] = input[i] in another element type.
//
// FROM and TO (compile time): OpenCL C types. To an integer: truncation towards zero, saturation, NaN to 0. To binary32
// or binary64: rounding to nearest, ties to even. TO_BOOL: 1 where the element is not zero. FROM_STORED, TO_STORED: float16
// or bfloat16, by way of binary32.

#if defined(NEED_DOUBLE)
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif

__kernel void convert_elements(const __global FROM *input, __global TO *output, ulong count) {
  const ulong item = get_global_id(0);
  if (item >= count) return;
#if defined(FROM_STORED)
  const float x = READ_AS(FROM_STORED, input, item);
#else
  const FROM x = input[item];
#endif
#if defined(TO_BOOL)
  output[item] = x != 0 ? 1 : 0;
#elif defined(TO_STORED)
  WRITE_AS(TO_STORED, CONVERSION(x), output, item);
#elif defined(NAN_TO_ZERO)
  output[item] = x != x ? (TO)0 : CONVERSION(x);
#else
  output[item] = CONVERSION(x);
#endif
}
