"""c2-caffe2, a plugin of c2: `plugin.py` says what it gives."""
