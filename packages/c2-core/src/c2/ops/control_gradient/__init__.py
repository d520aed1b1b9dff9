"""Operators that matter for what flows back: dropout, and stopping, zeroing or turning gradients."""
