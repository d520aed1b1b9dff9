"""Keeps a net of real Caffe2 ready and runs it on request. Benchmarks start it with the oracle's Python.

    python serve_caffe2.py JOB.npz

JOB holds `net` (NetDef bytes), `threads` and arrays `blob/<name>`. Each line of standard input asks: `run N` for the
seconds of N runs, `operators N` for the milliseconds of each operator, mean over N runs, `fetch BLOB` for a blob's
values. The answer is one line of JSON.
"""

import json
import os
import sys

import numpy as np


def main(job_path):
    job = np.load(job_path, allow_pickle=True)
    threads = str(int(job["threads"]))
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = threads
    from time import perf_counter

    from caffe2.proto import caffe2_pb2
    from caffe2.python import workspace

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Caffe2 prints while it measures operators
    workspace.GlobalInit(["caffe2", "--caffe2_log_level=2", "--caffe2_omp_num_threads=" + threads])
    for key in job.files:
        if key.startswith("blob/"):
            workspace.FeedBlob(key[5:], job[key])
    net = caffe2_pb2.NetDef()
    net.ParseFromString(bytes(job["net"]))
    workspace.CreateNet(net)

    def run(count):
        seconds = []
        for _ in range(int(count)):
            start = perf_counter()
            workspace.RunNet(net.name)
            seconds.append(perf_counter() - start)
        return seconds

    def operators(count):
        return [float(ms) for ms in workspace.BenchmarkNet(net.name, 1, int(count), True)[1:]]

    def fetch(blob):
        return workspace.FetchBlob(blob).ravel().tolist()

    commands = {"run": run, "operators": operators, "fetch": fetch}
    for line in sys.stdin:
        command, argument = line.split()
        answers.write(json.dumps(commands[command](argument)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])
