// Depthwise convolution for GPUs, see below.
