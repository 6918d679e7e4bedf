// System library: libzip (Debian libzip-dev). Headers only; the module map links it.
#pragma once
#include <zip.h>
