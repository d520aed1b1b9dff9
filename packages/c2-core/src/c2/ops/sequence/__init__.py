"""Sequences of different lengths: padding, ranges, tiling, packing, and positions."""
