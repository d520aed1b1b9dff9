"""Placement: which device and which kernel serve an operator, and why."""
