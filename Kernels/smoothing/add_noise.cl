// Noisy copies of images by integers only (reference/soundness.md 2.2 and 2.4), bit-equal on every device.
//
// For pixel p of request n: u = word[2(p&1)+1] * 2^32 + word[2(p&1)] of Philox4x32-10 with counter (p >> 1, sample low,
// sample high, stream); z = #{j : u >= T_j} - center; y = clamp(X_p + z, lowest, highest); the output element is
// lookup[modelChannel[c]][y - lowest]. REAL_IMAGES (compile time): images are float and the output is fma(z, step, X_p).
//
// images [slots, pixels]; requests uint [N, 8] = (slot, key 0, key 1, sample low, sample high, stream, 0, 0);
// thresholds ulong [count] ascending; guide int [65536] = #{j : T_j <= g << 48}; channelMap int [channels].
// A request for a slot that does not exist gives NaN.
// PAIRS (compile time): pixel pairs that one item draws; 1 for a GPU, a multiple of 16 for CPU devices.

#if defined(REAL_IMAGES)
#define PIXEL float
#else
#define PIXEL uchar
#endif

uint4 philox(uint4 counter, uint2 key) {
  for (int round = 0; round < 10; ++round) {
    const uint highA = mul_hi(0xD2511F53u, counter.x), lowA = 0xD2511F53u * counter.x;
    const uint highB = mul_hi(0xCD9E8D57u, counter.z), lowB = 0xCD9E8D57u * counter.z;
    counter = (uint4)(highB ^ counter.y ^ key.x, lowB, highA ^ counter.w ^ key.y, lowA);
    key += (uint2)(0x9E3779B9u, 0xBB67AE85u);
  }
  return counter;
}

int count_below(ulong word, const __global ulong *thresholds, int count, const __global int *guide) {
  int z = guide[word >> 48];
  while (z < count && word >= thresholds[z]) ++z;
  return z;
}

void place(
    int pixel, ulong word, const __global PIXEL *image, __global float *sample, const __global ulong *thresholds,
    int count, const __global int *guide, const __global float *lookup, const __global int *channelMap, bool valid, int center,
    int lowest, int highest, float step, int width, int channels, long rowStride, long columnStride,
    long channelStride) {
  const int c = pixel % channels;
  const int x = pixel / channels % width;
  const int y = pixel / channels / width;
  const int target = channelMap[c];
  const int z = count_below(word, thresholds, count, guide) - center;
#if defined(REAL_IMAGES)
  const float value = fma((float)z, step, image[pixel]);
#else
  const int noisy = clamp((int)image[pixel] + z, lowest, highest);
  const float value = lookup[target * (highest - lowest + 1) + noisy - lowest];
#endif
  sample[y * rowStride + x * columnStride + target * channelStride] = valid ? value : NAN;
}

__kernel void add_noise(
    const __global PIXEL *images, const __global uint *requests, __global float *output,
    const __global ulong *thresholds, const __global int *guide, const __global float *lookup,
    const __global int *channelMap, int slots, int pixels, long modelCount, int count, int center, int lowest, int highest,
    float step, int width, int channels, long rowStride, long columnStride, long channelStride) {
  const int n = (int)get_global_id(1);
  const __global uint *request = requests + (long)n * 8;
  const bool valid = request[0] < (uint)slots;
  const __global PIXEL *image = images + (ulong)(valid ? request[0] : 0) * (ulong)pixels;
  const uint2 key = (uint2)(request[1], request[2]);
  __global float *sample = output + n * modelCount;
  for (int q = 0; q < PAIRS; ++q) {
    const int pair = (int)get_global_id(0) * PAIRS + q;
    const int pixel = 2 * pair;
    if (pixel < pixels) {
      const uint4 words = philox((uint4)((uint)pair, request[3], request[4], request[5]), key);
      place(
          pixel, upsample(words.y, words.x), image, sample, thresholds, count, guide, lookup, channelMap, valid, center,
          lowest, highest, step, width, channels, rowStride, columnStride, channelStride);
      if (pixel + 1 < pixels)
        place(
            pixel + 1, upsample(words.w, words.z), image, sample, thresholds, count, guide, lookup, channelMap, valid, center,
            lowest, highest, step, width, channels, rowStride, columnStride, channelStride);
    }
  }
}
