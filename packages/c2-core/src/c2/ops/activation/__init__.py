"""Activations: elementwise functions between layers."""
