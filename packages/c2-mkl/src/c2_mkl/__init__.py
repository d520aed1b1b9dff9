"""c2-mkl, a plugin of c2: `plugin.py` says what it gives."""
