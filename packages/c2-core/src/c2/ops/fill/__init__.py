"""Tensors from nothing: constants, ranges, given values, random numbers."""
