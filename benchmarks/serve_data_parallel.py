"""One rank of a training job for data_parallel.py: NET BATCH OVERLAP RANK SIZE FOLDER THREADS, then "run SECONDS"s.

OVERLAP is "overlap" or "at-the-end", the batch that of this rank. All ranks are asked the same. The answer is
{"ms": ..., "waited_ms": ...} of a step, the mean of STEPS in a row where that was least, and "cpu_ms", the CPU time of
all threads likewise.
"""

from __future__ import annotations

import json
import os
import sys
from time import perf_counter, process_time

import numpy as np
from training_models import CLASSES, SHAPES, training_model

import c2
from c2.communicate import FileStore, connect
from c2.compile.net import CompiledNet
from c2.graph.check import check_net

STEPS = 5


def main() -> None:
    name, batch, overlap, rank, size, folder, threads = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    ranks = connect(int(rank), int(size), FileStore(folder), timeout=120)
    averaged = {"overlap": overlap == "overlap"}
    model, workspace = training_model(name, parallel=averaged), c2.Workspace()
    c2.parallel.start(workspace, model, ranks)
    rng = np.random.default_rng(int(rank))
    workspace.feed("data", rng.standard_normal((int(batch), *SHAPES[name])).astype(np.float32))
    workspace.feed("label", rng.integers(0, CLASSES[name], int(batch)).astype(np.int32))
    checked = check_net(model.net.proto, workspace.registry)
    net = CompiledNet(checked, workspace, workspace.registry, keep=["loss"], threads=int(threads))
    net.run()
    going = np.zeros(1)
    for line in sys.stdin:
        best, begin, cpu = (float("inf"), 0.0), perf_counter(), float("inf")
        while True:
            ranks.barrier()
            start, waited, used = perf_counter(), ranks.waited, process_time()
            for _ in range(STEPS):
                net.run()
            cpu = min(cpu, (process_time() - used) / STEPS)
            took = perf_counter() - start, ranks.waited - waited
            best = min(best, (took[0] / STEPS, took[1] / STEPS))
            going[0] = perf_counter() - begin < float(line.split()[1])
            ranks.allreduce(going, "min")
            if not going[0]:
                break
        ms, waited_ms, cpu_ms = (1e3 * seconds for seconds in (*best, cpu))
        answers.write(json.dumps({"ms": ms, "waited_ms": waited_ms, "cpu_ms": cpu_ms}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
