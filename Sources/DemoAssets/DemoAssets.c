// The embedded example of `surety demo`; DemoAssets.h describes it. Editing an embedded file rebuilds this target.

#include "DemoAssets.h"

static const uint8_t model[] = {
#embed "demo.onnx"
};

static const uint8_t digits[] = {
#embed "digits.bin"
};

/// Bytes before the first image.
enum { header_size = 12 };

static uint32_t header_word(size_t word) {
  const uint8_t *bytes = digits + 4 * word;
  return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

const uint8_t *surety_demo_model(size_t *size) {
  *size = sizeof model;
  return model;
}

const uint8_t *surety_demo_digits(size_t *size) {
  *size = sizeof digits;
  return digits;
}

uint32_t surety_demo_digit_count(void) { return header_word(0); }
uint32_t surety_demo_digit_height(void) { return header_word(1); }
uint32_t surety_demo_digit_width(void) { return header_word(2); }

const uint8_t *surety_demo_digit(uint32_t index, uint8_t *label) {
  const size_t record = 1 + (size_t)surety_demo_digit_height() * surety_demo_digit_width();
  const size_t start = header_size + record * index;
  if (index >= surety_demo_digit_count() || start + record > sizeof digits) return NULL;
  *label = digits[start];
  return digits + start + 1;
}
