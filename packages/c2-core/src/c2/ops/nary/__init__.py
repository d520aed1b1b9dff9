"""Functions of several tensors alike: sums, means, extremes, choices."""
