"""The nets of a job in real Caffe2, by the oracle's Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from caffe2.proto import caffe2_pb2
from caffe2.python import core, workspace


def caffe2_run(job: Path, threads: int, engine: str) -> tuple[Any, Any]:
    """A call that runs the net once, and one that fetches the result.

    Args:
        engine: of all convolutions; "": Caffe2's default.

    Raises:
        RuntimeError: this Caffe2 was built without that engine.
    """
    if not core.IsOperatorWithEngine("Conv", engine):
        raise RuntimeError(f"this Caffe2 has no Conv of engine {engine}")
    workspace.GlobalInit(["caffe2", "--caffe2_log_level=2", f"--caffe2_omp_num_threads={threads}"])
    workspace.RunNetOnce((job / "init_net.pb").read_bytes())
    net = caffe2_pb2.NetDef()
    net.ParseFromString((job / "predict_net.pb").read_bytes())
    for op in net.op:
        op.engine = engine if op.type == "Conv" else op.engine
    made = {*workspace.Blobs(), *(n for op in net.op for n in op.output)}
    (data,) = {n for op in net.op for n in op.input} - made
    workspace.FeedBlob(data, np.load(job / "input.npy"))
    workspace.CreateNet(net)
    return lambda: workspace.RunNet(net.name), lambda: workspace.FetchBlob(net.external_output[0])
