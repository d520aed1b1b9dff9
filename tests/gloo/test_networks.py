"""Ranks on several hosts, which are network namespaces: addresses, cut cables, and `c2 launch` over them."""

import re
import socket
import sys
import threading
import time

import numpy as np
import pytest
from network import call_this_host

from c2.communicate import PrefixStore, TCPStore, connect
from c2.communicate.launch.hosts import launch_on_hosts
from c2.errors import CommunicationError

DEADLINE = 2.0
PORT = 29_500


def failing(work):
    """The text of the error, and the seconds that it took."""
    start = time.monotonic()
    try:
        work()
    except CommunicationError as error:
        return str(error), time.monotonic() - start
    return "no error", 0.0


def opened(store, kind, network, rank):
    if kind == "file":
        return store
    return TCPStore(network.address(0), PORT, serve=rank == 0, timeout=DEADLINE)


def sums(joined):
    x = np.full(100_000, joined.rank + 1, np.float32)
    joined.allreduce(x)
    return float(x[0])


def meet(rank, size, store, network, kind):
    call_this_host("machine", "127.0.1.1", store.folder.parent)
    named = socket.gethostbyname(socket.gethostname())
    joined = connect(rank, size, opened(store, kind, network, rank), timeout=20)
    return named, joined.transport, sums(joined)


@pytest.mark.parametrize("kind", ["file", "tcp"])
def test_a_name_that_stands_for_loopback(ranks, network, kind):
    store_places = [network.place(host) for host in range(3)]
    for found in ranks(meet, 3, network, kind, places=store_places):
        assert found == ("127.0.1.1", "TCP", 6.0)


def cut_off(rank, size, store, network, kind):
    """Rank 1's cable is cut while collectives run; it is mended, and all meet again."""
    joined = connect(rank, size, opened(store, kind, network, rank), timeout=DEADLINE)
    if rank == 1:
        threading.Timer(0.3, network.cable, (1, "down")).start()
    began = [time.monotonic()]

    def work():
        while True:
            began[0] = time.monotonic()
            sums(joined)

    text, _ = failing(work)
    seconds = time.monotonic() - began[0]
    again, _ = failing(joined.barrier)
    joined.close()
    store.set(f"failed/{rank}", b"")
    store.wait((f"failed/{r}" for r in range(size)), 30)
    if rank == 1:
        network.cable(1, "up")
    joined = connect(rank, size, PrefixStore(joined.store, "again"), timeout=20)
    return text, seconds, again, sums(joined)


@pytest.mark.parametrize("kind", ["file", "tcp"])
def test_a_cable_is_cut_within_a_collective(ranks, network, kind):
    places = [network.place(host) for host in range(3)]
    for rank, found in enumerate(ranks(cut_off, 3, network, kind, places=places)):
        assert isinstance(found, tuple), found
        text, seconds, again, total = found
        assert re.search(rf"rank {rank} of 3: allreduce #\d+ of float32 \(100000,\), sum: ", text)
        assert "failed before: allreduce #" in again
        assert seconds < 4 * DEADLINE
        assert total == 6.0


def cut_before(rank, size, store, network):
    if rank == 1:
        network.cable(1, "down")
    return failing(lambda: connect(rank, size, store, timeout=DEADLINE))


def test_a_cable_is_cut_before_ranks_connect(ranks, network):
    places = [network.place(host) for host in range(3)]
    for rank, found in enumerate(ranks(cut_before, 3, network, places=places)):
        text, seconds = found
        assert f"rank {rank} of 3: Gloo could not connect all ranks within 2 s" in text
        assert network.address(rank) in text
        assert seconds < 10 * DEADLINE  # Gloo itself gives a connection five times the deadline


SCRIPT = """
import numpy as np
from c2.communicate import connect
joined = connect(timeout=20)
x = np.full(1000, joined.rank + 1.0)
joined.allreduce(x)
print(joined.rank, joined.size, joined.transport, x[0])
"""
FAIL = """
import os, time
from c2.communicate import connect
joined = connect(timeout=20)
if joined.rank == 2:
    raise ValueError("what went wrong")
joined.barrier()
"""


@pytest.fixture
def launched(network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def launched(text):
        script, heard = tmp_path / "script.py", []
        script.write_text(text)
        hosts = [(network.address(0), 1), (network.address(1), 2)]
        failed = launch_on_hosts(
            [sys.executable, str(script)], hosts, lambda *said: heard.append(said),
            launcher=f"ip netns exec {network.name}-{{host}}",
        )  # fmt: skip
        return failed, heard

    return launched


def test_launched_on_hosts(launched):
    failed, heard = launched(SCRIPT)
    assert failed is None, failed
    assert sorted(heard) == [(rank, f"{rank} 3 TCP 6.0") for rank in range(3)]


def test_the_rank_that_failed_first_is_told(launched, network):
    failed, _ = launched(FAIL)
    assert (failed.rank, failed.host) == (2, network.address(1))
    assert failed.last[-1] == "ValueError: what went wrong"


def test_a_host_that_is_lost_is_named(network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # What leads to the second host ends after it was reached, as ssh does when its machine is gone.
    script = tmp_path / "leads.sh"
    script.write_text(
        '#!/bin/sh\nhost=$1; shift\n[ "$host" = "$LOST" ] && exec timeout -s KILL 3 "$@"\nexec "$@"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("LOST", network.address(1))
    start = time.monotonic()
    with pytest.raises(CommunicationError, match=rf"host {network.address(1)}: .* ended with exit"):
        launch_on_hosts(
            ["sleep", "60"], [(network.address(0), 1), (network.address(1), 1)], print,
            launcher=f"{script} {{host}} ip netns exec {network.name}-{{host}}",
        )  # fmt: skip
    assert time.monotonic() - start < 40
