"""Pooling: the maximum, the average or a norm of each window, with gradients."""
