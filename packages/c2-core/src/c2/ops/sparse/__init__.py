"""Lookups: rows of a table picked by index and added up segment by segment, and their sparse gradients."""
