"""Tensors of strings, byte by byte: prefixes, suffixes, comparison, joining."""
