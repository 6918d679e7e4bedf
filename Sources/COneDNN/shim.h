// oneDNN's C interface (version 2). Debian's package has no .pc file, so the module map names the library.
#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_debug.h>
