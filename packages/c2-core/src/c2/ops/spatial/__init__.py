"""Operators on the spatial axes of images: padding, resizing, shuffling, unfolding."""
