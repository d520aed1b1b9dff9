"""c2-onnx, a plugin of c2: `plugin.py` says what it gives."""
