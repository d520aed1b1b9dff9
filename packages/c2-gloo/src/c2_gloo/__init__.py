"""c2-gloo, a plugin of c2: `plugin.py` says what it gives."""
