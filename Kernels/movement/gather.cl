// output[o, i, :] = data[o, index[i], :] for data [outer, length, inner].
//
// INDEX (compile time): int or long. A negative index counts from the end; one out of range gives NaN.

__kernel void gather(
    const __global STORAGE(DATA) *data, const __global INDEX *indices, __global stored *output, ulong count, ulong length,
    ulong inner, ulong picks) {
  const ulong item = get_global_id(0);
  if (item >= count) return;
  const ulong c = item % inner;
  const ulong i = item / inner % picks;
  const ulong o = item / inner / picks;
  long index = (long)indices[i];
  if (index < 0) index += (long)length;
  const bool valid = index >= 0 && index < (long)length;
  const float x = READ_AS(DATA, data, (o * length + (ulong)(valid ? index : 0)) * inner + c);
  WRITE(valid ? x : NAN, output, item);
}
