"""Elementwise functions of two tensors: arithmetic, comparison, logic, with broadcasting."""
