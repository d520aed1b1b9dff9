"""Kernels of operators on a GPU: engine CUDNN."""
