"""c2-nnpack, a plugin of c2: `plugin.py` says what it gives."""
