"""One rank of a job for allreduce.py: RUNTIME RANK SIZE FOLDER THREADS, then lines "ELEMENTS SECONDS".

Every line is answered by the least milliseconds of an allreduce of that many float32. All ranks are asked the same.
Needs NumPy and the runtime.
"""

import json
import os
import sys
from time import perf_counter

import numpy as np


def c2_allreduce(shared):
    os.environ["C2_GLOO_SHARED"] = str(int(shared))

    def join(rank, size, folder):
        from c2.communicate import FileStore, connect

        joined = connect(rank, size, FileStore(folder))
        return joined.allreduce, lambda array: array

    return join


def torch_allreduce(rank, size, folder):
    import torch
    import torch.distributed as dist

    store = dist.FileStore(os.path.join(folder, "torch"), size)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=size)
    return dist.all_reduce, torch.from_numpy


RUNTIMES = {
    "c2 shared memory": c2_allreduce(True),
    "c2 TCP": c2_allreduce(False),
    "torch.distributed gloo": torch_allreduce,
}


def main(runtime, rank, size, folder, threads):
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    allreduce, tensor = RUNTIMES[runtime](int(rank), int(size), folder)
    more = tensor(np.zeros(1, np.float32))
    for line in sys.stdin:
        elements, seconds = line.split()
        values = np.ones(int(elements), np.float32)
        shared = tensor(values)
        allreduce(shared)
        assert (values == int(size)).all()
        values[:] = 0
        least, begin, going = float("inf"), perf_counter(), True
        while going:
            for _ in range(5):
                start = perf_counter()
                allreduce(shared)
                least = min(least, perf_counter() - start)
            more[0] = float(perf_counter() - begin < float(seconds))
            allreduce(more)  # all ranks go on, or none
            going = bool(more[0] == int(size))
        answers.write(json.dumps(1e3 * least) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
