"""Normalization over channels, groups, instances and layers, with gradients."""
