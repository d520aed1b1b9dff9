"""Builders of native kernels, marked for the engine NNPACK."""
