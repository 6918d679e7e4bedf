// Backward linear bounds through gather blocks, their gradient and Adam, in binary32 with the running error term.
//
// A block is eight neurons alive on the region, the rows of their partners and a dense panel of weights; convolution,
// its adjoint, dense layers and residual sums are all out[8][items] = sum_k panel[k][8] * y[index[k]][items]. State is
// [row][item]; an item of work holds four items of one block, so bias dot, error dot and concretisation are private sums
// of eight neurons, which `finish` adds in binary64 in a fixed order (soundness.md 1.4).
// Only add, multiply and fma in binary32, rounded to nearest; division and square root only in slopes, which are free.
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#pragma OPENCL FP_CONTRACT OFF

#ifndef WPB
#define WPB 4                       // blocks of neurons in a work-group, for the same items
#endif
#ifndef SW
#define SW 1                        // 1: work-groups run along the blocks first
#endif

// order: 0 bound only, 1 one step of ascent before it, 2 take the best parameters before it.
enum { BOUND, ASCEND, RESTORE };

#define EACH _Pragma("unroll") for (int j = 0; j < 8; ++j)

float4 pick(int4 upper, float2 ends) { return select((float4)(ends.x), (float4)(ends.y), upper); }

#define PLACE \
  const int at = get_group_id(SW) * 32 + get_local_id(0); \
  const int local_block = get_group_id(1 - SW) * WPB + get_local_id(1); \
  if (at >= quads || local_block >= blocks) return; \
  const int block = first_block + local_block;

__kernel __attribute__((reqd_work_group_size(32, WPB, 1)))
void backward(
    const int first_block, const int blocks, const int first_row, const int first_start, const int case_rows,
    const int quads, const int is_input, const float relative,
    const __global int *restrict starts, const __global int *restrict index, const __global float4 *restrict panel,
    const __global float *restrict row_starts,      // [rows of units that rows start at][case_rows]
    const __global int4 *restrict row_of_item, __global float4 *y, __global float4 *restrict coefficients,
    const __global float4 *restrict parameters, const __global uint4 *restrict marks, __global char4 *restrict choice,
    const __global float4 *restrict lines, const __global float2 *restrict biases,
    const __global uchar2 *restrict masks,          // unstable, passing
    const __global int *restrict first_slot, const __global float2 *restrict box,
    __global float4 *restrict sums, __global float4 *restrict errors)
{
  PLACE
  float4 a[8];
  EACH a[j] = (float4)(0);
  if (first_start >= 0) {
    const int4 row = row_of_item[at];
    EACH {
      const __global float *from = row_starts + (size_t)(first_start + local_block * 8 + j) * case_rows;
      a[j] = (float4)(from[row.x], from[row.y], from[row.z], from[row.w]);
    }
  }
  for (int k = starts[block]; k < starts[block + 1]; ++k) {
    const float4 x = y[(size_t)index[k] * quads + at], w0 = panel[2 * k], w1 = panel[2 * k + 1];
    a[0] = fma(x, (float4)(w0.x), a[0]);
    a[1] = fma(x, (float4)(w0.y), a[1]);
    a[2] = fma(x, (float4)(w0.z), a[2]);
    a[3] = fma(x, (float4)(w0.w), a[3]);
    a[4] = fma(x, (float4)(w1.x), a[4]);
    a[5] = fma(x, (float4)(w1.y), a[5]);
    a[6] = fma(x, (float4)(w1.z), a[6]);
    a[7] = fma(x, (float4)(w1.w), a[7]);
  }
  float4 c = (float4)(0), e = (float4)(0);
  if (is_input) {
    EACH {
      const int row = local_block * 8 + j;
      const int4 upper = !(a[j] >= 0.0f);            // NaN takes the upper end and reaches the sum
      const float4 x = pick(upper, box[row]);
      c = fma(a[j], x, c);
      e = fma((float4)(relative), fabs(a[j] * x), e);
      choice[(size_t)row * quads + at] = convert_char4(upper);
    }
  } else {
    const uint4 mark = marks[(size_t)block * quads + at];
    const int unstable = masks[block].x, passing = masks[block].y;
    int slot = first_slot[block];
    EACH {
      const int row = first_row + local_block * 8 + j;
      float4 next = (unstable | passing) >> j & 1 ? a[j] : (float4)(0);
      if (unstable >> j & 1) {
        const size_t place = (size_t)slot * quads + at;
        ++slot;
        const float4 line = lines[row], p = parameters[place];
        coefficients[place] = a[j];
        // a >= 0: any value in [0, a]; a < 0: any in [a, 0]. The least valid intercept follows from the value held.
        const float4 relaxed = a[j] * select((float4)(line.z), p, a[j] >= 0.0f);
        const float4 cost = fmax(fmax(relaxed * line.x, (relaxed - a[j]) * line.y), 0.0f);
        const uint4 own = (mark >> (uint)(2 * j)) & 3u;
        const int4 is_free = own == 0u, is_active = own == 1u;
        const float4 paid = select((float4)(0), cost, is_free);
        c -= paid;
        e = fma((float4)(relative), paid, e);
        // Active: any value <= a; inactive: any value >= 0.
        next = select(select(p, a[j] - p, is_active), relaxed, is_free);
      }
      const float2 b = biases[row];
      c = fma(next, (float4)(b.x), c);
      e = fma(fabs(next), (float4)(b.y), e);
      y[(size_t)row * quads + at] = next;
    }
  }
  sums[(size_t)block * quads + at] = c;
  errors[(size_t)block * quads + at] = e;
}

// From the minimiser up, with a step of Adam: df/dalpha = a z where a > 0, df/dbeta = -s z (soundness.md section 3).
__kernel __attribute__((reqd_work_group_size(32, WPB, 1)))
void forward(
    const int first_block, const int blocks, const int first_row, const int quads,
    const __global int *restrict starts, const __global int *restrict middles, const __global int *restrict index,
    const __global float4 *restrict panel, __global float4 *y, const __global float4 *restrict coefficients,
    __global float4 *restrict parameters, __global float4 *restrict moments1, __global float4 *restrict moments2,
    __global float4 *restrict best, const __global uint4 *restrict marks, const __global char4 *restrict choice,
    const __global float4 *restrict lines, const __global float2 *restrict biases,
    const __global uchar2 *restrict masks, const __global int *restrict first_slot,
    const __global float2 *restrict box, const __global int4 *restrict improved, const __global float *restrict order)
{
  const int what = (int)order[0];
  if (what == BOUND) return;
  PLACE
  const int unstable = masks[block].x, passing = masks[block].y;
  const int4 is_better = improved[at] != 0;
  int slot = first_slot[block];
  if (what == RESTORE) {
    for (int j = 0; j < popcount((uint)unstable); ++j, ++slot) {
      const size_t place = (size_t)slot * quads + at;
      parameters[place] = select(best[place], parameters[place], is_better);
    }
    return;
  }
  float4 z[8];
  EACH z[j] = (float4)(biases[first_row + local_block * 8 + j].x);
  for (int k = starts[block]; k < starts[block + 1]; ++k) {
    const int row = index[k];
    const float4 x = k < middles[block] ? pick(convert_int4(choice[(size_t)row * quads + at]), box[row])
                                        : y[(size_t)row * quads + at];
    const float4 w0 = panel[2 * k], w1 = panel[2 * k + 1];
    z[0] = fma(x, (float4)(w0.x), z[0]);
    z[1] = fma(x, (float4)(w0.y), z[1]);
    z[2] = fma(x, (float4)(w0.z), z[2]);
    z[3] = fma(x, (float4)(w0.w), z[3]);
    z[4] = fma(x, (float4)(w1.x), z[4]);
    z[5] = fma(x, (float4)(w1.y), z[5]);
    z[6] = fma(x, (float4)(w1.z), z[6]);
    z[7] = fma(x, (float4)(w1.w), z[7]);
  }
  const uint4 mark = marks[(size_t)block * quads + at];
  EACH {
    const int row = first_row + local_block * 8 + j;
    float4 value = passing >> j & 1 ? z[j] : (float4)(0);
    if (unstable >> j & 1) {
      const size_t place = (size_t)slot * quads + at;
      ++slot;
      const float4 line = lines[row], a = coefficients[place], p = parameters[place];
      best[place] = select(best[place], p, is_better);
      const uint4 own = (mark >> (uint)(2 * j)) & 3u;
      const int4 is_free = own == 0u, is_active = own == 1u, is_positive = a >= 0.0f;
      const float4 relaxed = select(fma((float4)(line.z), z[j], (float4)(line.w)), p * z[j], is_positive);
      value = select(select((float4)(0), z[j], is_active), relaxed, is_free);
      const float4 of_slope = select((float4)(0), a * z[j], is_positive), of_split = select(z[j], -z[j], is_active);
      const float4 gradient = select(of_split, of_slope, is_free);
      const float4 m1 = fma((float4)(0.1f), gradient - moments1[place], moments1[place]);
      const float4 m2 = fma((float4)(0.001f), gradient * gradient - moments2[place], moments2[place]);
      moments1[place] = m1;
      moments2[place] = m2;
      const float4 rate = select((float4)(order[2]), (float4)(order[1]), is_free);
      const float4 next = fmax(p + rate * m1 / (sqrt(m2 * order[3]) + 1e-8f), 0.0f);
      parameters[place] = select(next, fmin(next, 1.0f), is_free);
    }
    y[(size_t)row * quads + at] = value;
  }
}

// C, E and the magnitudes of C's summands in binary64, and whether the bound is the best so far.
// per_addition is what an addition may cost, a part of the magnitudes.
__kernel void finish(
    const int items, const int blocks, const double per_addition, const double omega,
    const __global float *restrict sums, const __global float *restrict errors,
    const __global double2 *restrict row_constants, const __global int *restrict row_of_item,
    __global double4 *restrict totals, __global double *restrict best_bound, __global int *restrict improved,
    const __global float *restrict order)
{
  const int item = get_global_id(0);
  if (item >= items) return;
  const double2 start = row_constants[row_of_item[item]];
  double total = start.x, error = start.y, size = fabs(start.x);
  for (int block = 0; block < blocks; ++block) {
    const double part = sums[(size_t)block * items + item];
    total += part;
    size += fabs(part);
    error += errors[(size_t)block * items + item];
  }
  error = (error + per_addition * size) * (1 + 0x1p-18) + omega;
  const double raw = total - error, bound = raw - fabs(raw) * 0x1p-51;
  totals[item] = (double4)(total, error, size, isfinite(total) && isfinite(error) ? bound : NAN);
  // order[4]: the first bound of these items counts whatever it is.
  const int is_better = order[4] != 0 || bound > best_bound[item] || (isnan(best_bound[item]) && !isnan(bound));
  improved[item] = is_better;
  if (is_better) best_bound[item] = isfinite(total) && isfinite(error) ? bound : NAN;
}
