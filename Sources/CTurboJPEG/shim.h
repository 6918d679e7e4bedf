// System library: libjpeg-turbo's TurboJPEG API (Debian libturbojpeg0-dev). Headers only; the module map links it.
#pragma once
#include <turbojpeg.h>
