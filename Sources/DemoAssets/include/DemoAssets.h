// The example of `surety demo`, embedded in the binary: an ONNX classifier of handwritten digits and the images that
// the demo certifies. README.md says where both come from.
//
// The bytes are reached through functions, because Swift does not import C arrays of unknown size. They live as long
// as the process and are never written.

#ifndef SURETY_DEMO_ASSETS_H
#define SURETY_DEMO_ASSETS_H

#include <stddef.h>
#include <stdint.h>

/// The ONNX file of the classifier: input `input` [N, 1, 28, 28], pixel / 255; output `logits` [N, 10].
/// Stores its length in bytes in `*size`.
const uint8_t *surety_demo_model(size_t *size);

/// The images as a file: three little-endian u32 (count, height, width), then for each image one byte, its label,
/// followed by height x width bytes, its pixels row by row (0 is the background). Stores its length in `*size`.
const uint8_t *surety_demo_digits(size_t *size);

/// The number of images, their height and their width.
uint32_t surety_demo_digit_count(void);
uint32_t surety_demo_digit_height(void);
uint32_t surety_demo_digit_width(void);

/// The pixels of image `index` (height x width bytes, row by row), and its label in `*label`.
/// Null, with the label untouched, when there is no such image.
const uint8_t *surety_demo_digit(uint32_t index, uint8_t *label);

#endif
