"""Kernels in OpenCL C, a module per family. A kernel is set up for shapes once and then only started."""
