// Copies a box of elements by strides; ELEMENT (compile time) is an unsigned type of the element's size.
//
// geometry = [extents (6), input strides (6), output strides (6), input offset, output offset], outermost first,
// dimensions merged where they can be. copy_elements: one item an element. copy_rows: one item a row of the last
// dimension (CPU devices).

__kernel void copy_elements(
    const __global ELEMENT *input, __global ELEMENT *output, const __global long *geometry, int dimensions,
    ulong count) {
  const ulong item = get_global_id(0);
  if (item >= count) return;
  long rest = (long)item, from = geometry[18], to = geometry[19];
  for (int d = dimensions - 1; d >= 0; --d) {
    const long index = rest % geometry[d];
    rest /= geometry[d];
    from += index * geometry[6 + d];
    to += index * geometry[12 + d];
  }
  output[to] = input[from];
}

__kernel void copy_rows(
    const __global ELEMENT *restrict input, __global ELEMENT *restrict output, const __global long *geometry,
    int dimensions, long run) {
  const long extent = geometry[dimensions - 1];
  const long first = (long)get_global_id(0) * run;
  const long last = min(first + run, extent);
  long rest = (long)get_global_id(1), from = geometry[18], to = geometry[19];
  for (int d = dimensions - 2; d >= 0; --d) {
    const long index = rest % geometry[d];
    rest /= geometry[d];
    from += index * geometry[6 + d];
    to += index * geometry[12 + d];
  }
  const long inputStep = geometry[6 + dimensions - 1];
  const long outputStep = geometry[12 + dimensions - 1];
  if (inputStep == 1 && outputStep == 1) {
    for (long i = first; i < last; ++i) output[to + i] = input[from + i];
  } else {
    for (long i = first; i < last; ++i) output[to + i * outputStep] = input[from + i * inputStep];
  }
}
