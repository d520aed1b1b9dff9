"""Tests of c2-gloo: real processes on this machine. Skipped, with the reason, where it is not there."""

import multiprocessing
import subprocess

import pytest
from network import Network
from rank_process import run_rank

pytest.importorskip("c2_gloo", reason="c2-gloo is not installed")
pytest.importorskip("c2_gloo._gloo", reason="c2-gloo was built without Gloo's headers")

SECONDS = 60


@pytest.fixture
def ranks(tmp_path):
    """ranks(function, size, *arguments): results of function(rank, size, store, *arguments), or tracebacks.

    `places`: the network namespace of each rank. `seconds`: how long each may take.
    """

    def run(function, size, *arguments, places=(), seconds=SECONDS):
        spawn = multiprocessing.get_context("spawn")
        jobs = []
        for rank in range(size):
            here, there = spawn.Pipe()
            given = (
                function,
                rank,
                size,
                tmp_path / "store",
                arguments,
                there,
                *places[rank : rank + 1],
            )
            process = spawn.Process(target=run_rank, args=given, daemon=True)
            process.start()
            there.close()
            jobs.append((process, here))
        results = [_result(here, seconds) for _, here in jobs]
        for process, _ in jobs:
            process.join(SECONDS)
            process.kill()
        return results

    return run


@pytest.fixture
def network():
    """Three hosts."""
    try:
        made = Network(3).__enter__()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"network namespaces cannot be made here: {getattr(error, 'stderr', error)}")
    yield made
    made.__exit__()


def _result(pipe, seconds):
    try:
        return pipe.recv() if pipe.poll(seconds) else TimeoutError("no word from the process")
    except EOFError:
        return EOFError("the process ended")
