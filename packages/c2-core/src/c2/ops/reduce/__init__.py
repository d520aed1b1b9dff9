"""Sums, means, extremes, norms, moments and histograms over axes or over all elements."""
