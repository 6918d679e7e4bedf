// System library: zlib (Debian zlib1g-dev). Headers only; the module map links it.
#pragma once
#include <zlib.h>
