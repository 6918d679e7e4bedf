// Noisy copies of images by integers only (reference/soundness.md 2.2 and 2.4), bit-equal on every device.
//
// For pixel p of request n: u = word[2(p&1)+1] * 2^32 + word[2(p&1)] of Philox4x32-10 with counter (p >> 1, sample low,
// sample high, stream); z = #{j : u >= T_j} - center; y = clamp(X_p + z, lowest, highest); the output element is
// lookup[modelChannel[c]][y - lowest]. REAL_IMAGES (compile time): images are float and the output is
// fma(z, step, X_p).
//
// images [slots, pixels]; requests uint [N, 8] = (slot, key 0, key 1, sample low, sample high, stream, 0, 0);
// thresholds ulong [count + 1] ascending, the last one a sentinel; guide int [65536] = #{j : T_j <= g << 48};
// channelMap int [channels]. A request for a slot that does not exist gives NaN.
// add_noise: one item draws a pair of pixels. add_noise_runs: one item draws `run` pairs, 16 at a time (CPU devices).

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

// #{j : word >= T_j}, from the guide's lower bound upward.
int count_below(ulong word, const __global ulong *thresholds, int count, const __global int *guide) {
  int z = guide[word >> 48];
  while (word >= thresholds[z] && z < count) ++z;
  return z;
}

#if defined(REAL_IMAGES)
#define NOISY(pixel, z, table) fma((float)(z), step, (float)image[pixel])
#else
#define NOISY(pixel, z, table) table[clamp((int)image[pixel] + (z), lowest, highest)]
#endif

#define NOISE_ARGUMENTS                                                                                               \
  const __global PIXEL *images, const __global uint *requests, __global stored *output,                              \
      const __global ulong *thresholds, const __global int *guide, const __global float *lookup,                     \
      const __global int *channelMap, int slots, int pixels, long modelCount, int count, int center, int lowest,     \
      int highest, float step, int width, int channels, long rowStride, long columnStride, long channelStride

__kernel void add_noise(NOISE_ARGUMENTS) {
  const uint pair = (uint)get_global_id(0);
  const int n = (int)get_global_id(1);
  const __global uint *request = requests + (long)n * 8;
  const bool valid = request[0] < (uint)slots;
  const __global PIXEL *image = images + (ulong)(valid ? request[0] : 0) * (ulong)pixels;
  __global stored *sample = output + n * modelCount;
  const uint4 words =
      philox((uint4)(pair, request[3], request[4], request[5]), (uint2)(request[1], request[2]));
  for (int odd = 0; odd < 2; ++odd) {
    const ulong place = 2 * (ulong)pair + odd;
    if (place < (ulong)pixels) {
      const int pixel = (int)place;
      const int target = channelMap[pixel % channels];
      const int x = pixel / channels % width, y = pixel / channels / width;
      const ulong word = odd ? upsample(words.w, words.z) : upsample(words.y, words.x);
      const int z = count_below(word, thresholds, count, guide) - center;
      const __global float *table = lookup + target * (highest - lowest + 1) - lowest;
      const float noisy = valid ? NOISY(pixel, z, table) : NAN;
      WRITE(noisy, sample, y * rowStride + x * columnStride + target * channelStride);
    }
  }
}

// Sixteen counters at once: lane l has pair `first + l`.
void philox16(uint first, uint4 request, uint2 key, uint *words) {
  uint16 a = (uint16)(first) + (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  uint16 b = (uint16)(request.x), c = (uint16)(request.y), d = (uint16)(request.z);
  for (int round = 0; round < 10; ++round) {
    const ulong16 firstProduct = convert_ulong16(a) * (ulong16)(0xD2511F53ul);
    const ulong16 secondProduct = convert_ulong16(c) * (ulong16)(0xCD9E8D57ul);
    a = convert_uint16(secondProduct >> (ulong16)(32)) ^ b ^ (uint16)(key.x);
    c = convert_uint16(firstProduct >> (ulong16)(32)) ^ d ^ (uint16)(key.y);
    b = convert_uint16(secondProduct);
    d = convert_uint16(firstProduct);
    key += (uint2)(0x9E3779B9u, 0xBB67AE85u);
  }
  vstore16(a, 0, words);
  vstore16(b, 1, words);
  vstore16(c, 2, words);
  vstore16(d, 3, words);
}

__kernel void add_noise_runs(NOISE_ARGUMENTS, int run) {
  const int n = (int)get_global_id(1);
  const __global uint *request = requests + (long)n * 8;
  const bool valid = request[0] < (uint)slots;
  const __global PIXEL *image = images + (ulong)(valid ? request[0] : 0) * (ulong)pixels;
  __global stored *sample = output + n * modelCount;
  const uint4 counter = (uint4)(request[3], request[4], request[5], 0);
  const uint2 key = (uint2)(request[1], request[2]);
  const int start = (int)get_global_id(0) * run * 2;
  const int end = (int)min((long)start + 2 * (long)run, (long)pixels);
  const int span = highest - lowest + 1;
  int c = start % channels, x = start / channels % width;
  const int y = start / channels / width;
  __global stored *row = sample + y * rowStride;
  __global stored *column = row + x * columnStride;
  uint words[64];
  for (int first = start; first < end; first += 32) {
    philox16((uint)(first / 2), counter, key, words);
    const int here = min(32, end - first);
    for (int i = 0; i < here; ++i) {
      const int odd = i & 1;
      const ulong word = upsample(words[32 * odd + 16 + (i >> 1)], words[32 * odd + (i >> 1)]);
      const int z = count_below(word, thresholds, count, guide) - center;
      const int target = channelMap[c];
      const __global float *table = lookup + target * span - lowest;
      const float noisy = valid ? NOISY(first + i, z, table) : NAN;
      WRITE(noisy, column, target * channelStride);
      if (++c == channels) {
        c = 0;
        column += columnStride;
        if (++x == width) {
          x = 0;
          row += rowStride;
          column = row;
        }
      }
    }
  }
}
