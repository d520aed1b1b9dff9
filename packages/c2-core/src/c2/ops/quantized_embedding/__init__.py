"""Embedding tables of 8, 4 or 2 bits per number, each row with a scale and a bias of its own."""
