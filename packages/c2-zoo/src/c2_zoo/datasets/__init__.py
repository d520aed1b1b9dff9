"""Data sets that are part of the package, as NumPy arrays."""

from c2_zoo.datasets.mnist10k import mnist10k

__all__ = ["mnist10k"]
