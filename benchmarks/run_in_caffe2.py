"""Runs a net in real Caffe2. Called by benchmarks with the oracle's Python, not with c2's.

    python run_in_caffe2.py JOB.npz RESULT.npz

JOB holds `net` (NetDef bytes), `runs`, `threads`, `fetch` (blob names, or none for all) and arrays `blob/<name>`.
RESULT gets `seconds` (of each run) and the blobs as `blob/<name>`.
"""

import os
import sys

import numpy as np


def main(job_path, result_path):
    job = np.load(job_path, allow_pickle=True)
    threads = str(int(job["threads"]))
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = threads
    from time import perf_counter

    from caffe2.proto import caffe2_pb2
    from caffe2.python import workspace

    workspace.GlobalInit(["caffe2", "--caffe2_log_level=2", "--caffe2_omp_num_threads=" + threads])
    for key in job.files:
        if key.startswith("blob/"):
            workspace.FeedBlob(key[5:], job[key])
    net = caffe2_pb2.NetDef()
    net.ParseFromString(bytes(job["net"]))
    workspace.CreateNet(net)
    seconds = []
    for _ in range(int(job["runs"])):
        start = perf_counter()
        workspace.RunNet(net.name)
        seconds.append(perf_counter() - start)
    wanted = [str(n) for n in job["fetch"]] or sorted({b for op in net.op for b in op.output})
    blobs = {"blob/" + n: workspace.FetchBlob(n) for n in wanted}
    np.savez(result_path, seconds=np.array(seconds), **blobs)


if __name__ == "__main__":
    main(*sys.argv[1:])
