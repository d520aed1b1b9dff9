"""OpenCL as a device of c2: memory of its own, and kernels in OpenCL C."""
