#ifndef KERNEL_SOURCES_H
#define KERNEL_SOURCES_H

/// The text of the kernel file at `path` below Kernels/, ending with a zero byte, or a null pointer.
const char *surety_kernel_source(const char *path);

/// The path of kernel file number `index`, or a null pointer past the last.
const char *surety_kernel_path(unsigned index);

#endif
