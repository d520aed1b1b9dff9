"""One rank of a training job for data_parallel.py: NET BATCH RANK SIZE FOLDER THREADS, then lines "run SECONDS".

Every line is answered by the least milliseconds of a step in that time; all ranks are asked the same. The batch is that
of this rank.
"""

from __future__ import annotations

import json
import os
import sys
from time import perf_counter

import numpy as np
from training_models import CLASSES, SHAPES, training_model

import c2
from c2.communicate import FileStore, connect
from c2.compile.net import CompiledNet
from c2.graph.check import check_net


def main() -> None:
    name, batch, rank, size, folder, threads = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    ranks = connect(int(rank), int(size), FileStore(folder), timeout=120)
    model, workspace = training_model(name, parallel=True), c2.Workspace()
    c2.parallel.start(workspace, model, ranks)
    rng = np.random.default_rng(int(rank))
    workspace.feed("data", rng.standard_normal((int(batch), *SHAPES[name])).astype(np.float32))
    workspace.feed("label", rng.integers(0, CLASSES[name], int(batch)).astype(np.int32))
    checked = check_net(model.net.proto, workspace.registry)
    net = CompiledNet(checked, workspace, workspace.registry, keep=["loss"], threads=int(threads))
    net.run()
    going = np.zeros(1)
    for line in sys.stdin:
        least, begin = float("inf"), perf_counter()
        while True:
            ranks.barrier()
            start = perf_counter()
            net.run()
            ranks.barrier()
            least = min(least, perf_counter() - start)
            going[0] = perf_counter() - begin < float(line.split()[1])
            ranks.allreduce(going, "min")
            if not going[0]:
                break
        answers.write(json.dumps(1e3 * least) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
