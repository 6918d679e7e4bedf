// The OpenCL 1.2 interface: what every vendor's driver offers.
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <CL/cl_ext.h>
