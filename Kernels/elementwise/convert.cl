// output[i] = input[i] in another element type.
//
// FROM and TO (compile time): OpenCL C types. To an integer: truncation towards zero, saturation, NaN to 0. To binary32
// or binary64: rounding to nearest, ties to even. TO_BOOL: 1 where the element is not zero.

#if defined(NEED_DOUBLE)
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif

__kernel void convert_elements(const __global FROM *input, __global TO *output, ulong count) {
  const ulong item = get_global_id(0);
  if (item >= count) return;
  const FROM x = input[item];
#if defined(TO_BOOL)
  output[item] = x != (FROM)0 ? 1 : 0;
#elif defined(NAN_TO_ZERO)
  output[item] = x != x ? (TO)0 : CONVERSION(x);
#else
  output[item] = CONVERSION(x);
#endif
}
