"""Caffe2's operators on 8-bit tensors, as kernels of simple nets: sums of products by oneDNN, the rest in C."""
