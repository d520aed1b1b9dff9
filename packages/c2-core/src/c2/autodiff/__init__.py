"""Gradients of nets, built as operators: Caffe2's names and rules."""
