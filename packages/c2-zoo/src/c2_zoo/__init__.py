"""c2-zoo, a plugin of c2: `plugin.py` says what it gives."""
