// output[i] = act(f(left, right)) with broadcasting. Input and output may be the same memory.
//
// The output is dense with `dimensions` merged extents; geometry = [extents (6), left strides (6), right strides (6)],
// outermost first, 0 along broadcast dimensions.
// OPERATION (compile time). binary_elements: one item an element. binary_rows: one item a run of the last dimension,
// 16 lanes at a time, for operands with last stride 1 or 0 (CPU devices).

float16 combine16(float16 x, float16 y) {
#if defined(OP_add)
  return x + y;
#elif defined(OP_subtract)
  return x - y;
#elif defined(OP_multiply)
  return x * y;
#elif defined(OP_divide)
  return x / y;
#elif defined(OP_power)
  return pow(x, y);
#elif defined(OP_minimum)
  return select(select(x, y, y < x), (float16)(NAN), isnan(x) | isnan(y));
#elif defined(OP_maximum)
  return select(select(x, y, y > x), (float16)(NAN), isnan(x) | isnan(y));
#else
#error "unknown operation"
#endif
}

float combine(float x, float y) {
#if defined(OP_add)
  return x + y;
#elif defined(OP_subtract)
  return x - y;
#elif defined(OP_multiply)
  return x * y;
#elif defined(OP_divide)
  return x / y;
#elif defined(OP_power)
  return pow(x, y);
#elif defined(OP_minimum)
  return isnan(x) || isnan(y) ? NAN : (y < x ? y : x);
#elif defined(OP_maximum)
  return isnan(x) || isnan(y) ? NAN : (y > x ? y : x);
#endif
}

__kernel void binary_elements(
    const __global STORAGE(LEFT) *left, const __global STORAGE(RIGHT) *right, __global stored *output,
    const __global long *geometry, int dimensions, ulong count, float low, float high) {
  const ulong item = get_global_id(0);
  if (item >= count) return;
  long rest = (long)item;
  for (int d = dimensions - 1; d >= 0; --d) {
    const long index = rest % geometry[d];
    rest /= geometry[d];
    left += index * geometry[6 + d];
    right += index * geometry[12 + d];
  }
  WRITE(activate(combine(READ_AS(LEFT, left, 0), READ_AS(RIGHT, right, 0)), low, high), output, item);
}

// run = elements of the last dimension that one item takes, a multiple of 16 or the whole extent.
__kernel void binary_rows(
    const __global float *left, const __global float *right, __global float *output, const __global long *geometry,
    int dimensions, long run, float low, float high) {
  const long extent = geometry[dimensions - 1];
  const long first = (long)get_global_id(0) * run;
  const long last = min(first + run, extent);
  long rest = (long)get_global_id(1);
  output += rest * extent;
  for (int d = dimensions - 2; d >= 0; --d) {
    const long index = rest % geometry[d];
    rest /= geometry[d];
    left += index * geometry[6 + d];
    right += index * geometry[12 + d];
  }
  const long leftStep = geometry[6 + dimensions - 1];
  const long rightStep = geometry[12 + dimensions - 1];
  long i = first;
  for (; i + 16 <= last; i += 16) {
    const float16 x = leftStep ? vload16(0, left + i) : (float16)(*left);
    const float16 y = rightStep ? vload16(0, right + i) : (float16)(*right);
    vstore16(activate16(combine16(x, y), low, high), 0, output + i);
  }
  for (; i < last; ++i)
    output[i] = activate(combine(left[i * leftStep], right[i * rightStep]), low, high);
}
