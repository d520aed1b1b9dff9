"""One rank of a job for allreduce.py: RUNTIME RANK SIZE FOLDER THREADS, then lines "COLLECTIVE ELEMENTS SECONDS".

Every line is answered by the microseconds of each call, and the least of processor time per call (of all threads). All
ranks are asked the same. ELEMENTS are those of the array that all ranks have in the end (reduce_scatter: in the
beginning), float32. Needs NumPy and the runtime.
"""

import json
import os
import sys
from time import perf_counter, process_time

import numpy as np

BATCH = 5  # calls between looks at the clock of processor time


def c2_collectives(shared):
    def join(rank, size, folder):
        from c2.communicate import FileStore, connect

        os.environ["C2_GLOO_SHARED"] = str(int(shared))
        joined = connect(rank, size, FileStore(folder))
        assert joined.transport == ("shared memory" if shared else "TCP")
        return {
            "allreduce": lambda x, part: joined.allreduce(x),
            "broadcast": lambda x, part: joined.broadcast(x),
            "allgather": lambda x, part: joined.allgather(part, x.reshape(size, -1)),
            "reduce_scatter": lambda x, part: joined.reduce_scatter(x, [part.size] * size, part),
        }, lambda array: array

    return join


def torch_collectives(rank, size, folder):
    import torch
    import torch.distributed as dist

    store = dist.FileStore(os.path.join(folder, "torch"), size)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=size)
    return {
        "allreduce": lambda x, part: dist.all_reduce(x),
        "broadcast": lambda x, part: dist.broadcast(x, 0),
        "allgather": lambda x, part: dist.all_gather_into_tensor(x, part),
        "reduce_scatter": lambda x, part: dist.reduce_scatter_tensor(part, x),
    }, torch.from_numpy


RUNTIMES = {
    "c2 shared memory": c2_collectives(True),
    "c2 TCP": c2_collectives(False),
    "torch.distributed gloo": torch_collectives,
}


def check(collective, work, tensor, rank, size, elements):
    """What comes out where rank r has r + 1 everywhere."""
    whole = np.full(elements, rank + 1, np.float32)
    part = np.full(elements // size, rank + 1, np.float32)
    work(tensor(whole), tensor(part))
    total = size * (size + 1) // 2
    if collective == "allgather":
        assert (whole.reshape(size, -1) == np.arange(1, size + 1)[:, None]).all()
    elif collective == "reduce_scatter":
        assert (part == total).all()
    else:
        assert (whole == (total if collective == "allreduce" else 1)).all()


def main(runtime, rank, size, folder, threads):
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    rank, size = int(rank), int(size)
    collectives, tensor = RUNTIMES[runtime](rank, size, folder)
    going = np.zeros(1, np.float32)
    all_go, no_part = tensor(going), None
    for line in sys.stdin:
        collective, elements, seconds = line.split()
        elements = int(elements)
        work = collectives[collective]
        check(collective, work, tensor, rank, size, elements)
        whole = tensor(np.zeros(elements, np.float32))
        part = tensor(np.zeros(elements // size, np.float32))
        times, least, end = [], float("inf"), perf_counter() + float(seconds)
        going[0] = size
        while going[0] == size:
            cpu = process_time()
            for _ in range(BATCH):
                start = perf_counter()
                work(whole, part)
                times.append(round(1e6 * (perf_counter() - start), 1))
            least = min(least, (process_time() - cpu) / BATCH)
            going[0] = perf_counter() < end
            collectives["allreduce"](all_go, no_part)  # all ranks go on, or none
        answers.write(json.dumps({"us": times, "cpu_us": 1e6 * least}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
