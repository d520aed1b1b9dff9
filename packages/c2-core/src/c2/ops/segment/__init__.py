"""Segments told by lengths or by ids: reductions over them, ranges, packing."""
