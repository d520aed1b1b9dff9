"""c2-cuda, a plugin of c2: `plugin.py` says what it gives."""
