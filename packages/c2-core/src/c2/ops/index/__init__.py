"""Gather, scatter, sort, mask and bucket: operators that work with indices."""
