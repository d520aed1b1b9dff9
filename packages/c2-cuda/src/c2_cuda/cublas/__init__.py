"""cuBLASLt 12 and 13, called through cffi: products of matrices, with bias and Relu in the same kernel."""
