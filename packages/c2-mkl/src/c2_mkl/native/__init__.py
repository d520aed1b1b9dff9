"""Builders of native kernels, a module per family."""
