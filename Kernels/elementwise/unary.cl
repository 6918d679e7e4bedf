// A function of each element: output[i] = f(input[i]). Input and output may be the same memory.
//
// OPERATION (compile time): a name as below. WIDTH 1 (GPU) or 16 (CPU devices): elements per item. a and b are the
// function's own numbers. Only full-precision built-in functions.

#if WIDTH == 16
typedef float16 real;
#else
typedef float real;
#endif

real apply(real x, float a, float b) {
  const real zero = (real)(0.0f);
  const real one = (real)(1.0f);
#if defined(OP_identity)
  return x;
#elif defined(OP_relu)
  return x < zero ? zero : x;
#elif defined(OP_sigmoid)
  return one / (one + exp(-x));
#elif defined(OP_tanh)
  return tanh(x);
#elif defined(OP_erf)
  return erf(x);
#elif defined(OP_sqrt)
  return sqrt(x);
#elif defined(OP_reciprocal)
  return one / x;
#elif defined(OP_exp)
  return exp(x);
#elif defined(OP_log)
  return log(x);
#elif defined(OP_abs)
  return fabs(x);
#elif defined(OP_negate)
  return -x;
#elif defined(OP_sin)
  return sin(x);
#elif defined(OP_cos)
  return cos(x);
#elif defined(OP_sign)
  return x > zero ? one : (x < zero ? -one : x);
#elif defined(OP_round)
  return rint(x);
#elif defined(OP_floor)
  return floor(x);
#elif defined(OP_ceil)
  return ceil(x);
#elif defined(OP_leakyRelu)
  return x < zero ? (real)(a)*x : x;
#elif defined(OP_clip)
  const real least = (real)(a);
  const real greatest = (real)(b);
  return x < least ? least : (x > greatest ? greatest : x);
#elif defined(OP_elu)
  return x < zero ? (real)(a)*expm1(x) : x;
#elif defined(OP_softplus)
  return (x > zero ? x : zero) + log1p(exp(-fabs(x)));
#elif defined(OP_power)
  return pow(x, (real)(a));
#elif defined(OP_affine)
  return fma((real)(a), x, (real)(b));
#else
#error "unknown operation"
#endif
}

__kernel void unary(const __global stored *input, __global stored *output, ulong count, float a, float b) {
  const ulong first = get_global_id(0) * WIDTH;
  if (first >= count) return;
#if WIDTH == 16
  const int here = (int)min(count - first, (ulong)16);
  store_part(apply(load_part(input + first, here), a, b), output + first, here);
#else
  WRITE(apply(READ(input, first), a, b), output, first);
#endif
}
