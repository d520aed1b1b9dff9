"""Caffe2's operators, a folder per family. Discovery walks this package: a new operator joins no list."""
