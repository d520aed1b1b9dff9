"""Scores of a real Caffe2 for its LeNet on 200 of the 10,000 digits, every fiftieth.

Run with a real Caffe2:  python tests/golden/make_lenet_mnist.py SHARED/data tests/golden/data/lenet_mnist.npz
"""

import sys
from pathlib import Path

import numpy as np
from caffe2.proto import caffe2_pb2
from caffe2.python import workspace


def read(path):
    net = caffe2_pb2.NetDef()
    net.ParseFromString(path.read_bytes())
    return net


def main(data, out):
    images = np.load(data / "mnist10k.npz")["x"][::50]
    workspace.RunNetOnce(read(data / "lenet_mnist" / "init_net.pb"))
    workspace.FeedBlob("1", images.astype(np.float32) / np.float32(255))
    workspace.RunNetOnce(read(data / "lenet_mnist" / "predict_net.pb"))
    np.savez_compressed(out, scores=workspace.FetchBlob("26"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
