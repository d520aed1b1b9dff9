"""Convolution and its transpose, in one to three dimensions, with their gradients."""
