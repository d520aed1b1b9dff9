"""Caffe2's operators on 8-bit tensors: a number is (data - zero point) * scale, one of both for the whole tensor."""
