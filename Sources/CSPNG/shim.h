// System library: libspng (Debian libspng-dev). Headers only; the module map links it.
#pragma once
#include <spng.h>
