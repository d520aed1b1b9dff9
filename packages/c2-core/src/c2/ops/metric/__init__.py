"""Measures of how good predictions are; nothing flows back through them."""
