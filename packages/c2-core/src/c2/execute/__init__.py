"""Running nets: workspace, binding of kernels to blobs, the flat loop."""
